{{ config(schema='intermediate') }}

{% set member = ('crm_members', 'member_id') %}
{% set card = ('pos_cards', 'card_no') %}
{% set account = ('ec_accounts', 'web_user_id') %}
{% set kinds = [
    {
        'model': 'stg_survey_responses', 'record': member,
        'event': "'survey_response'", 'time': 'answered_at', 'id': 'response_id',
        'properties': ['survey_id', 'nps', 'favourite_category'],
    },
    {
        'model': 'stg_points', 'record': member,
        'event': "'point_' || entry_type", 'time': 'occurred_at', 'id': 'entry_id',
        'properties': ['points'],
    },
    {
        'model': 'stg_deals', 'record': member, 'by_customer': false,
        'event': "'deal_' || stage", 'time': 'updated_at', 'id': 'deal_id',
        'properties': ['amount_jpy'],
    },
    {
        'model': 'stg_coupon_issues', 'record': card, 'by_customer': false,
        'event': "'coupon_issue'", 'time': 'issued_at', 'id': "coupon_campaign_id || ':' || card_no",
        'properties': ['coupon_campaign_id', 'coupon_type'],
    },
    {
        'model': 'stg_coupon_redemptions', 'record': card,
        'event': "'coupon_redeem'", 'time': 'redeemed_at',
        'id': "receipt_id || ':' || coupon_campaign_id",
        'properties': ['coupon_campaign_id', 'receipt_id'],
    },
    {
        'model': 'stg_subscriptions', 'record': account,
        'event': "'subscription_trial'", 'time': tokyo_to_utc('trial_started_on'),
        'id': 'subscription_id', 'properties': ['plan', 'billing'],
    },
    {
        'model': 'stg_subscriptions', 'record': account,
        'event': "'subscription_start'", 'time': tokyo_to_utc('started_on'),
        'id': 'subscription_id', 'properties': ['plan', 'billing'],
    },
    {
        'model': 'stg_subscriptions', 'record': account,
        'event': "'subscription_cancel'", 'time': tokyo_to_utc('cancelled_on'),
        'id': 'subscription_id', 'properties': ['plan', 'billing'],
    },
] %}

{{ record_events(kinds) }}
