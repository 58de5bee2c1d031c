with {{ stock_entries("level <> 'none' and earlier_level = 'none'") }},

{{ event_exits(['order'], 'ordered') }}

{{ journey() }}
