{# Fails with every promotional message of an outbox that rests on no evidence of consent. #}
{% test promotional_messages_have_evidence(model) %}
select send_id
from {{ model }}
where class = 'promotional' and channel <> 'task' and evidence_ref is null
{% endtest %}
