select lot_id, is_inner, entry_record_id
from {{ get_where_subquery(ref('fct_stay')) }}
where entry_record_id is not null
group by lot_id, is_inner, entry_record_id
having count(*) > 1
