with {{ stock_entries("level = 'low' and earlier_level = 'enough'") }},

{{ event_exits(['order'], 'ordered') }}

{{ journey() }}
