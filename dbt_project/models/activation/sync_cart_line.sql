{{ segment_entry_messages('cart_line', 'cart_abandoners_last_day', 'line', 'line_user_id') }}
