{# The record kinds, in the order of the contract. #}
{% macro record_kinds() -%}
    {{ return([
        'entry', 'exit', 'inner_entry', 'inner_exit', 'charge', 'refund', 'renewal', 'top_up', 'gate_opening',
        'shift', 'alarm', 'device_state', 'free_space_count', 'invoice', 'snapshot', 'heartbeat',
    ]) }}
{%- endmacro %}

{# Kinds with rows since the last green build; each question is answered from file statistics. #}
{% macro kinds_with_news() -%}
    {%- if not is_building() -%}{{ return(record_kinds()) }}{%- endif -%}
    {%- set parts = [] -%}
    {%- set since = raw_from() -%}
    {%- for kind in record_kinds() -%}
        {%- do parts.append(
            "select '" ~ kind ~ "' from (select 1 from lake.raw." ~ kind ~ " where batch_seq > " ~ since ~ " limit 1)"
        ) -%}
    {%- endfor -%}
    {%- set found = [] -%}
    {%- for row in run_query(parts | join(' union all ')).rows -%}{%- do found.append(row[0]) -%}{%- endfor -%}
    {{ return(found) }}
{%- endmacro %}

{# Days of new rows, and of every older version of a key that a new row contests. #}
{% macro touch_new_days() -%}
    {%- if is_building() and not flags.FULL_REFRESH -%}
        {%- set since = raw_from() -%}
        {%- for kind in kinds_with_news() %}
            insert into lake.meta.touched
            select 'raw.{{ kind }}', lot_id, business_date
            from lake.raw.{{ kind }} where batch_seq > {{ since }}
            union
            select 'raw.{{ kind }}', contested.lot_id, contested.business_date
            from {{ this }} as contested
            where contested.kind = '{{ kind }}'
                and (contested.lot_id, contested.record_id) in (
                    select lot_id, record_id from lake.raw.{{ kind }} where batch_seq > {{ since }}
                );
        {%- endfor %}
    {%- else -%}
        select 1
    {%- endif -%}
{%- endmacro %}

{% macro uploads_of_all_kinds() -%}
    {%- set names = [] -%}
    {%- for kind in record_kinds() -%}{%- do names.append('raw.' ~ kind) -%}{%- endfor -%}
    {{ return(names) }}
{%- endmacro %}
