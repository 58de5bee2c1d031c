{{ config(schema='intermediate') }}

{% set kinds = [
    {
        'model': 'stg_crm_members', 'record': ('crm_members', 'member_id'),
        'event': "'register'", 'time': 'registered_at', 'id': 'member_id',
    },
    {
        'model': 'stg_ec_accounts', 'record': ('ec_accounts', 'web_user_id'),
        'event': "'register'", 'time': 'created_at', 'id': 'web_user_id',
    },
    {
        'model': 'stg_pos_cards', 'record': ('pos_cards', 'card_no'),
        'event': "'register'", 'time': 'issued_at', 'id': 'card_no',
    },
    {
        'model': 'stg_mailorder_customers', 'record': ('mailorder_customers', 'cust_no'),
        'event': "'register'", 'time': 'created_at', 'id': 'cust_no',
    },
    {
        'model': 'stg_line_friends', 'record': ('line_friends', 'line_user_id'),
        'event': "'line_follow'", 'time': 'followed_at', 'id': 'line_user_id',
    },
    {
        'model': 'stg_form_submissions', 'record': ('form_submissions', 'submission_id'),
        'event': "'form_submit'", 'time': 'submitted_at', 'id': 'submission_id',
        'properties': ['form'],
    },
    {
        'model': 'stg_seminar_registrations',
        'record': ('seminar_registrations', 'registration_id'),
        'event': "'seminar_register'", 'time': 'registered_at', 'id': 'registration_id',
        'properties': ['seminar_id'],
    },
    {
        'model': 'stg_business_cards', 'record': ('business_cards', 'card_id'),
        'event': "'business_card'", 'time': 'exchanged_at', 'id': 'card_id',
        'properties': ['company_name'],
    },
] %}

{{ record_events(kinds) }}
