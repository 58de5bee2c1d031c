with {{ segment_entries('vip') }},

{{ event_exits(['order'], 'ordered') }}

{{ journey() }}
