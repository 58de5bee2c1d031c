{{ segment_entry_messages('renewal_sms', 'renewals_next_10d', 'sms', 'phone') }}
