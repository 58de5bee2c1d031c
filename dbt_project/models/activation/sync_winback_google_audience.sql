{{ ad_audience('winback_candidates') }}
