{#
    A select that adds birth_on and birth_month_day ('MMDD') to a relation whose `column` holds
    dates of birth in any spelling: 1984-03-26, 1984/3/26, 19840326, 昭和59年3月26日, S59.03.26, S590326;
    in the year 0000 or 1900 only the day of the year is known. Impossible days are null. So are
    values that systems write for "unknown": the dates below, years before 1900 and the future.
#}
{% macro parse_birth(relation, column) -%}
    {#- The customary first values of registers, of Unix and of DOS. -#}
    {%- set placeholders = "('1900-01-01', '1970-01-01', '1980-01-01')" -%}
    {%- set today = 'cast(' ~ as_of_date() ~ ' as ' ~ dbt.type_string() ~ ')' -%}
    with typed as (
        select
            {{ relation }}.*,
            {{ birth_typed(column) }} as birth_typed
        from {{ relation }}
        {{ evaluate_once() }}
    ),

    slashed as (
        select
            typed.*,
            {{ birth_slashed('birth_typed') }} as birth_slashed
        from typed
        {{ evaluate_once() }}
    ),

    dated as (
        select
            slashed.*,
            {{ birth_text('birth_slashed') }} as birth_text
        from slashed
        {{ evaluate_once() }}
    )

    select
        dated.*,
        case
            when birth_text in {{ placeholders }} then null
            when birth_text between '1901-01-01' and {{ today }} then {{ safe_date('birth_text') }}
        end as birth_on,
        case
            when birth_text in {{ placeholders }} then null
            when birth_text < '0001' or birth_text between '1900-01-01' and {{ today }}
                then {{ month_day('birth_text') }}
        end as birth_month_day
    from dated
{%- endmacro %}


{# Letter of an era: the year before it began, and its last year. #}
{% macro eras() -%}
    {{ return({
        'M': {'before': 1867, 'years': 45},
        'T': {'before': 1911, 'years': 15},
        'S': {'before': 1925, 'years': 64},
        'H': {'before': 1988, 'years': 31},
        'R': {'before': 2018, 'years': 99},
    }) }}
{%- endmacro %}


{# One alphabet: half-width, 明治, 明 or ㍾ as M and so on, slashes between parts, no time of day. #}
{% macro birth_typed(text) -%}
    {%- set folded = 'upper(' ~ fold_full_width_ascii(text) ~ ')' -%}
    translate(
        {{ regexp_replace(folded, '[ T][0-9]{1,2}:.*$', '') }},
        '元年月.-明大昭平令㍾㍽㍼㍻㋿治正和成日 ',
        '1////MTSHRMTSHR'
    )
{%- endmacro %}


{# Parts written together are told apart by their length. #}
{% macro birth_slashed(typed) -%}
    case
        {%- for pattern, year_length in [('^[0-9]{8}$', 4), ('^[MTSHR][0-9]{6}$', 3)] %}
        when {{ regexp_matches(typed, pattern) }} then
            substr({{ typed }}, 1, {{ year_length }})
            || '/' || substr({{ typed }}, {{ year_length + 1 }}, 2)
            || '/' || substr({{ typed }}, {{ year_length + 3 }}, 2)
        {%- endfor %}
        else {{ typed }}
    end
{%- endmacro %}


{# YYYY-MM-DD, not yet checked against the calendar; null where the parts are something else. #}
{% macro birth_text(slashed) -%}
    {%- set pattern = '^([0-9]{4}|[MTSHR][0-9]{1,2})/[0-9]{1,2}/[0-9]{1,2}$' -%}
    {%- set year = dbt.split_part(slashed, "'/'", 1) -%}
    {%- set year_of_era = 'cast(substr(' ~ year ~ ', 2) as integer)' -%}
    case
        when {{ regexp_matches(slashed, pattern) }} then
            case
                when {{ regexp_matches(slashed, '^[0-9]') }} then {{ year }}
                {%- for letter, era in eras().items() %}
                when {{ slashed }} like '{{ letter }}%' and {{ year_of_era }} between 1 and {{ era.years }}
                    then cast({{ era.before }} + {{ year_of_era }} as {{ dbt.type_string() }})
                {%- endfor %}
            end
            || '-' || lpad({{ dbt.split_part(slashed, "'/'", 2) }}, 2, '0')
            || '-' || lpad({{ dbt.split_part(slashed, "'/'", 3) }}, 2, '0')
    end
{%- endmacro %}


{# 'MMDD' where it is a day of some year, so of a leap year. #}
{% macro month_day(text) -%}
    {%- set month = 'substr(' ~ text ~ ', 6, 2)' -%}
    {%- set day = 'substr(' ~ text ~ ', 9, 2)' -%}
    case
        when {{ safe_date("'2000-' || " ~ month ~ " || '-' || " ~ day) }} is not null
            then {{ month }} || {{ day }}
    end
{%- endmacro %}
