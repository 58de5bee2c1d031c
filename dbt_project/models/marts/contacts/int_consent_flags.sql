{{ config(schema='intermediate') }}

{% set crm_flags = {'email': 'email_opt_in', 'sms': 'sms_opt_in', 'post': 'dm_opt_in'} %}

with crm_members as (select * from {{ ref('stg_crm_members') }}),

ec_accounts as (select * from {{ ref('stg_ec_accounts') }}),

mailorder_customers as (select * from {{ ref('stg_mailorder_customers') }}),

form_submissions as (select * from {{ ref('stg_form_submissions') }}),

line_friends as (select * from {{ ref('stg_line_friends') }}),

-- a false flag counts from the last change of its record, a true one from the registration;
-- the flags of a member who has left are consent to nothing
final as (
    {% for channel, flag in crm_flags.items() %}
    select
        'crm_members' as source,
        member_id as source_id,
        '{{ channel }}' as channel,
        {{ flag }} as is_opt_in,
        case when {{ flag }} then registered_at else coalesce(updated_at, registered_at) end
            as occurred_at,
        'source_flag' as basis
    from crm_members
    where not (coalesce(status, '') = 'withdrawn' and {{ flag }})

    union all
    {% endfor %}

    {% for channel in ['email', 'push'] %}
    select
        'ec_accounts' as source,
        web_user_id as source_id,
        '{{ channel }}' as channel,
        marketing_opt_in as is_opt_in,
        created_at as occurred_at,
        'source_flag' as basis
    from ec_accounts

    union all
    {% endfor %}

    -- the day of a dm_stop is not kept, so nothing can be known to be later
    select
        'mailorder_customers' as source,
        cust_no as source_id,
        'post' as channel,
        false as is_opt_in,
        cast(null as timestamp) as occurred_at,
        'source_flag' as basis
    from mailorder_customers
    where dm_stop

    union all

    select
        'form_submissions' as source,
        submission_id as source_id,
        'email' as channel,
        true as is_opt_in,
        submitted_at as occurred_at,
        'source_flag' as basis
    from form_submissions
    where consent

    union all

    -- nor is the day of a block
    select
        'line_friends' as source,
        line_user_id as source_id,
        'line' as channel,
        not coalesce(blocked, false) as is_opt_in,
        case when not coalesce(blocked, false) then followed_at end as occurred_at,
        case when coalesce(blocked, false) then 'line_block' else 'line_follow' end as basis
    from line_friends
)

select * from final
where is_opt_in is not null
