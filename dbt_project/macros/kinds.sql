{# The record kinds, in the order of the contract. #}
{% macro record_kinds() -%}
    {{ return([
        'entry', 'exit', 'inner_entry', 'inner_exit', 'charge', 'refund', 'renewal', 'top_up', 'gate_opening',
        'shift', 'alarm', 'device_state', 'free_space_count', 'invoice', 'snapshot', 'heartbeat',
    ]) }}
{%- endmacro %}

{% macro uploads_of_all_kinds() -%}
    {%- set names = [] -%}
    {%- for kind in record_kinds() -%}{%- do names.append('raw.' ~ kind) -%}{%- endfor -%}
    {{ return(names) }}
{%- endmacro %}

{# Kinds with rows since the last green build. #}
{% macro kinds_with_news() -%}
    {%- if not is_building() -%}{{ return(record_kinds()) }}{%- endif -%}
    {%- set found = [] -%}
    {%- for row in run_query("select distinct kind from memory.main.news order by kind").rows -%}
        {%- do found.append(row[0]) -%}
    {%- endfor -%}
    {{ return(found) }}
{%- endmacro %}

{# Days of new rows, of every older version of a key that a new row contests, and of what was refused. #}
{% macro touch_new_days() -%}
    {%- if not is_building() or flags.FULL_REFRESH -%}{{ return('select 1') }}{%- endif -%}
    create or replace temp table {{ this.identifier }}__touched as
        select 'raw.' || kind as model, lot_id, business_date from memory.main.news
        union
        select 'raw.' || contested.kind, contested.lot_id, contested.business_date
        from {{ this }} as contested
        where (contested.kind, contested.lot_id, contested.record_id) in (
            select kind, lot_id, record_id from memory.main.news
        )
        union
        select 'raw.rejected_record', reject.lot_id, {{ business_day_of('reject.received_at', 'lot') }}
        from lake.raw.rejected_record as reject
        inner join lake.entities.lot as lot on lot.lot_id = reject.lot_id
        where reject.batch_seq > {{ run_query("select coalesce(max(raw_to), -1) from lake.meta.build").rows[0][0] }};
    insert into lake.meta.touched select * from {{ this.identifier }}__touched
{%- endmacro %}
