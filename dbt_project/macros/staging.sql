{# The versions of one raw kind that are in force: newest revision per (lot_id, record_id), voids out.

   Almost every record has one version, or repeats of revision 0 on its own day: those are settled inside the day.
   Keys with a correction, a void or versions on several days are few; int_contested_version names their winner. #}
{% macro current_versions(kind) -%}
    {%- set raw = source('raw', kind) -%}
    {%- set scope = 'true' if flags.FULL_REFRESH else touched(sources_sharing_a_fact(kind), 'raw_row') -%}
    with uncontested as (
        select raw_row.*
        from {{ raw }} as raw_row
        where {{ scope }}
            and not exists (
                select 1
                from {{ ref('int_contested_version') }} as contested
                where contested.kind = '{{ kind }}'
                    and contested.lot_id = raw_row.lot_id
                    and contested.record_id = raw_row.record_id
            )
        qualify row_number() over (
            partition by raw_row.lot_id, raw_row.business_date, raw_row.record_id
            order by raw_row.batch_seq, raw_row.batch_row
        ) = 1
    ),

    winners as (
        select raw_row.*
        from {{ raw }} as raw_row
        inner join {{ ref('int_contested_version') }} as contested
            on contested.kind = '{{ kind }}'
                and contested.lot_id = raw_row.lot_id
                and contested.record_id = raw_row.record_id
                and contested.batch_seq = raw_row.batch_seq
                and contested.batch_row = raw_row.batch_row
        where {{ scope }}
            and contested.is_current
            and contested.op = 'upsert'
    )

    select * from uncontested
    union all
    select * from winners
{%- endmacro %}

{# Kinds that one fact holds together are restated together: their touched days are one set. #}
{% macro fact_sources() -%}
    {{ return([
        ['raw.entry', 'raw.exit', 'raw.inner_entry', 'raw.inner_exit'],
        ['raw.charge', 'raw.refund'],
        ['raw.renewal', 'raw.top_up'],
    ]) }}
{%- endmacro %}

{% macro sources_sharing_a_fact(kind) -%}
    {%- for sources in fact_sources() -%}
        {%- if 'raw.' ~ kind in sources -%}{{ return(sources) }}{%- endif -%}
    {%- endfor -%}
    {{ return(['raw.' ~ kind]) }}
{%- endmacro %}
