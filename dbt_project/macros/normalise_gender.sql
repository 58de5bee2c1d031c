{# 'M' or 'F' from letters, ISO 5218 digits or Japanese words; anything else is not known. #}
{% macro normalise_gender(text) -%}
    case upper(trim({{ fold_full_width_ascii(text) }}))
        {%- for code in ['M', 'MALE', '1', '男', '男性'] %}
        when '{{ code }}' then 'M'
        {%- endfor %}
        {%- for code in ['F', 'FEMALE', '2', '女', '女性'] %}
        when '{{ code }}' then 'F'
        {%- endfor %}
    end
{%- endmacro %}
