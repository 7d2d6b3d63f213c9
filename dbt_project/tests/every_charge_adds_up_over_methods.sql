-- What was received equals the sum over the methods, for each charge, refund and day, unless the lot's own parts
-- differ from its total (mark payments_differ).
select lot_id, record_id
from {{ get_where_subquery(ref('fct_charge')) }}
where received <> {{ methods() | join(' + ') }}
    and (marks is null or marks not like '%payments_differ%')
