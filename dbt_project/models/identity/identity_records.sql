{#-
    Per source: the columns it has under the record's own names, and those it has under others.
    Columns and types of the record are those of its contract; what a source lacks is null.
-#}
{%- set birth = ['birth_on', 'birth_month_day', 'unread_birth'] -%}
{%- set gender = ['gender', 'unread_gender'] -%}
{%- set contact = ['email', 'phone'] -%}
{%- set read_contact = contact + ['unread_email'] -%}
{%- set place = ['postal_code', 'address'] -%}
{%- set names = ['last_name', 'first_name', 'last_name_kana', 'first_name_kana'] -%}
{%- set one_name = {'full_name': 'name', 'full_name_kana': 'name_kana'} -%}
{%- set sources = [
    {
        'name': 'crm_members', 'key': 'member_id', 'first_seen_at': 'registered_at',
        'same': names + birth + read_contact + place + gender
            + ['prefecture', 'member_id', 'updated_at'],
        'other': {
            'full_name': join_text(['last_name', 'first_name'], ' '),
            'full_name_kana': join_text(['last_name_kana', 'first_name_kana'], ' '),
        },
    },
    {
        'name': 'pos_cards', 'key': 'card_no', 'first_seen_at': 'issued_at',
        'same': birth + read_contact + place + gender,
        'other': {
            'full_name': 'name_kanji',
            'full_name_kana': 'name_kana',
            'member_id': 'app_member_id',
        },
    },
    {
        'name': 'ec_accounts', 'key': 'web_user_id', 'first_seen_at': 'created_at',
        'same': birth + read_contact + place + ['member_id', 'web_user_id', 'line_user_id'],
        'other': one_name,
    },
    {
        'name': 'mailorder_customers', 'key': 'cust_no', 'first_seen_at': 'created_at',
        'same': birth + read_contact + place + gender,
        'other': one_name,
    },
    {
        'name': 'line_friends', 'key': 'line_user_id', 'first_seen_at': 'followed_at',
        'same': ['line_user_id'],
        'other': {'member_id': 'linked_member_id', 'web_user_id': 'linked_web_user_id'},
    },
    {
        'name': 'form_submissions', 'key': 'submission_id', 'first_seen_at': 'submitted_at',
        'same': contact + ['anonymous_id'],
        'other': {'full_name': 'name'},
    },
    {
        'name': 'seminar_registrations', 'key': 'registration_id',
        'first_seen_at': 'registered_at',
        'same': ['email'],
        'other': {'full_name': 'name', 'full_name_kana': 'kana'},
    },
    {
        'name': 'ec_guest_orders', 'model': 'stg_ec_orders',
        'where': 'web_user_id is null and coalesce(guest_name, guest_email, guest_phone) is not null',
        'key': 'order_id', 'first_seen_at': 'ordered_at',
        'same': ['postal_code'],
        'other': {'full_name': 'guest_name', 'email': 'guest_email', 'phone': 'guest_phone'},
    },
    {
        'name': 'business_cards', 'key': 'card_id', 'first_seen_at': 'exchanged_at',
        'same': contact + ['company_name'],
        'other': one_name,
    },
] -%}

{%- for source in sources %}
    {%- set expressions = dict(
        source.other,
        source="'" ~ source.name ~ "'",
        source_id=source.key,
        first_seen_at=source.first_seen_at,
        updated_at='updated_at' if 'updated_at' in source.same else source.first_seen_at
    ) -%}
    {{ '\n\nunion all\n\n' if not loop.first }}
select
    {%- for column in model.columns.values() %}
    {%- set own = column.name if column.name in source.same else 'null' %}
    {%- set type = api.Column.translate_type(column.data_type) %}
    cast({{ expressions.get(column.name, own) }} as {{ type }}) as {{ column.name }}
    {{- ',' if not loop.last }}
    {%- endfor %}
from {{ ref(source.model or 'stg_' ~ source.name) }}
{%- if source.where %}
where {{ source.where }}
{%- endif %}
{%- endfor %}
