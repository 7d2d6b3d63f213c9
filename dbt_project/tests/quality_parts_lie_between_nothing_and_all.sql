select lot_id, business_date
from {{ get_where_subquery(ref('rpt_quality_day')) }}
where least(score, completeness, timeliness, validity, balance, clock) < 0
    or greatest(score, completeness, timeliness, validity, balance, clock) > 10000
    or (score is null and coalesce(completeness, timeliness, validity, balance, clock) is not null)
