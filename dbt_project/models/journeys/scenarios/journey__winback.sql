with {{ segment_entries('dormant_180d', json_object({'coupon_code': "'WELCOMEBACK'"})) }},

{{ event_exits(['order', 'visit'], 'came_back') }}

{{ journey() }}
