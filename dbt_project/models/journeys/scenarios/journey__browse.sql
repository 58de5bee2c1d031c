with {{ segment_entries('repeat_visitors_no_purchase', json_object({'coupon_code': "'FIRST500'"})) }},

{{ event_exits(['order'], 'ordered') }}

{{ journey() }}
