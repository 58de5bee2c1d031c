{% test nowhere_set(model, column_name) %}
    select {{ column_name }}
    from {{ model }}
    where {{ column_name }} is not null
{% endtest %}
