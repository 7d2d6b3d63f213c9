{# What a run covers. The writer lock is held around the whole run, so nothing lands in between. #}

{% macro is_building() -%}
    {{ return(execute and flags.WHICH in ('build', 'run', 'test', 'seed')) }}
{%- endmacro %}

{# Once per run: raw rows with a higher batch_seq than this are new. Kept in the scratch database of the run. #}
{% macro open_window() %}
    {% if is_building() %}
        {% do run_query("create or replace table memory.main.run_window as select coalesce(max(raw_to), -1) as raw_from from lake.meta.build") %}
    {% endif %}
{% endmacro %}

{% macro raw_from() -%}
    {%- if not is_building() -%}{{ return(-1) }}{%- endif -%}
    {{ return(run_query("select raw_from from memory.main.run_window").rows[0][0]) }}
{%- endmacro %}

{# Predicate on (lot_id, business_date) of relation alias: the days that the named sources changed since the last
   green build. Literal dates prune files; the semi-join keeps exactly the touched days. #}
{% macro touched(sources, alias) -%}
    {%- if not is_building() -%}{{ return('true') }}{%- endif -%}
    {%- set names = "'" ~ sources | join("', '") ~ "'" -%}
    {%- set span = run_query(
        "select min(business_date), max(business_date) from lake.meta.touched where model in (" ~ names ~ ")"
    ).rows[0] -%}
    {%- if span[0] is none -%}{{ return('false') }}{%- endif -%}
    {{ return(
        alias ~ ".business_date between date '" ~ span[0] ~ "' and date '" ~ span[1] ~ "' and ("
        ~ alias ~ ".lot_id, " ~ alias ~ ".business_date) in (select lot_id, business_date from lake.meta.touched where model in ("
        ~ names ~ "))"
    ) }}
{%- endmacro %}

{# Predicate: days at most reach days off the span of the touched ones, in lots that were touched. #}
{% macro around_touched_days(sources, alias, reach) -%}
    {%- if not is_building() -%}{{ return('true') }}{%- endif -%}
    {%- set names = "'" ~ sources | join("', '") ~ "'" -%}
    {%- set span = run_query(
        "select min(business_date), max(business_date) from lake.meta.touched where model in (" ~ names ~ ")"
    ).rows[0] -%}
    {%- if span[0] is none -%}{{ return('false') }}{%- endif -%}
    {{ return(
        alias ~ ".business_date between date '" ~ span[0] ~ "' - " ~ reach ~ " and date '" ~ span[1] ~ "' + " ~ reach
        ~ " and " ~ alias ~ ".lot_id in (select lot_id from lake.meta.touched where model in (" ~ names ~ "))"
    ) }}
{%- endmacro %}
