{#- All versions of every key that has more than its first: a correction, a void, or copies on several days. The one
    look-up that spans all history; it reads few narrow columns of the kinds that have new rows. -#}
{{ config(
    materialized='incremental',
    incremental_strategy='delete+insert',
    unique_key=['kind', 'lot_id', 'record_id'],
    post_hook=["{{ touch_new_days() }}", {"sql": "{{ mirror_touched() }}", "transaction": false}]
) }}
{%- set kinds = kinds_with_news() if is_incremental() else record_kinds() %}
with version as (
    {%- for kind in kinds %}
    select
        '{{ kind }}' as kind,
        lot_id,
        record_id,
        batch_seq,
        batch_row,
        revision,
        op,
        business_date
    from {{ source('raw', kind) }}
    {%- if is_incremental() %}
    where (lot_id, record_id) in (select lot_id, record_id from memory.main.news where kind = '{{ kind }}')
    {%- else %}
    where (lot_id, record_id) in (
        select lot_id, record_id
        from {{ source('raw', kind) }}
        group by lot_id, record_id
        having max(revision) > 0 or max(op) = 'void' or min(business_date) < max(business_date)
    )
    {%- endif %}
    {{ 'union all' if not loop.last }}
    {%- else %}
    select
        cast(null as varchar) as kind,
        cast(null as bigint) as lot_id,
        cast(null as varchar) as record_id,
        cast(null as bigint) as batch_seq,
        cast(null as bigint) as batch_row,
        cast(null as integer) as revision,
        cast(null as varchar) as op,
        cast(null as date) as business_date
    where false
    {%- endfor %}
),

contested as (
    select *
    from version
    window one_key as (partition by kind, lot_id, record_id)
    qualify max(revision) over one_key > 0
        or max(op) over one_key = 'void'
        or min(business_date) over one_key < max(business_date) over one_key
)

select
    kind,
    lot_id,
    record_id,
    batch_seq,
    batch_row,
    revision,
    op,
    business_date,
    row_number() over (
        partition by kind, lot_id, record_id
        order by revision desc, case when op = 'void' then 0 else 1 end, batch_seq, batch_row
    ) = 1 as is_current
from contested
