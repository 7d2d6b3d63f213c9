-- What an hour closes with, the next opens with, unless cars came or left at the very boundary; mean never above peak.
select lot_id, business_date, hour_started_at
from {{ get_where_subquery(ref('rpt_occupancy_hour')) }}
where occupied_seconds > peak * window_seconds
    or peak < opening
    or peak < closing
    or opening < 0
