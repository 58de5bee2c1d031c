{{ segment_entry_messages('birthday_line', 'birthday_next_month', 'line', 'line_user_id') }}
