{{ segment_entry_messages('second_purchase_sms', 'first_purchase_60d_no_second', 'sms', 'phone') }}
