{# One spelling per contact point; whether it is a junk value is not judged here. #}

{% macro normalise_email(text) -%}
    {%- set folded = fold_full_width_ascii(text) -%}
    case when {{ folded }} like '%@%' then lower(trim({{ folded }})) end
{%- endmacro %}


{# Domestic digits: +81, 0081 and +81(0) become the leading 0, which a spreadsheet may have eaten. #}
{% macro normalise_phone(text) -%}
    {%- set digits = regexp_replace(
        regexp_replace(digits_and_plus(text), '^([+]81|0081|81)0*', '0'), '[+]', ''
    ) -%}
    nullif(
        case
            when {{ regexp_matches(digits, '^[789]0[0-9]{8}$') }} then '0' || {{ digits }}
            else {{ digits }}
        end,
        ''
    )
{%- endmacro %}


{# Seven digits, null when it is not a postal code. #}
{% macro normalise_postal_code(text) -%}
    {%- set digits = digits_and_plus(text) -%}
    case when {{ regexp_matches(digits, '^[0-9]{7}$') }} then {{ digits }} end
{%- endmacro %}


{% macro digits_and_plus(text) -%}
    {{ regexp_replace(
        "translate(" ~ text ~ ", '０１２３４５６７８９＋', '0123456789+')", '[^0-9+]', ''
    ) }}
{%- endmacro %}


{# An address of a channel in the spelling of that channel. #}
{% macro normalise_contact_point(channel, text) -%}
    case
        when {{ text }} like '%@%' then {{ normalise_email(text) }}
        when {{ clean_code(channel) }} = 'sms' then {{ normalise_phone(text) }}
        else nullif(trim({{ text }}), '')
    end
{%- endmacro %}
