{{ ad_audience('vip') }}
