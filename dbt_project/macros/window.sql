{# What a run covers. The writer lock is held around the whole run, so nothing lands in between.

   The run keeps two small tables in its scratch database, because each question to the lake costs tens of
   milliseconds: news (raw rows since the last green build) and touched (a mirror of lake.meta.touched). #}

{% macro is_building() -%}
    {{ return(execute and flags.WHICH in ('build', 'run', 'test', 'seed')) }}
{%- endmacro %}

{% macro open_window() %}
    {% if is_building() %}
        {% set since = run_query("select coalesce(max(raw_to), -1) from lake.meta.build").rows[0][0] %}
        {% set parts = [] %}
        {% for kind in record_kinds() %}
            {% do parts.append(
                "select '" ~ kind ~ "' as kind, lot_id, record_id, business_date from lake.raw." ~ kind
                ~ (" where false" if flags.FULL_REFRESH else " where batch_seq > " ~ since)
            ) %}
        {% endfor %}
        {% do open_closed_days() %}
        {% do run_query("create or replace table memory.main.news as " ~ parts | join(" union all ")) %}
        {% do run_query(
            "create or replace table memory.main.touched as select distinct model, lot_id, business_date from lake.meta.touched"
        ) %}
    {% endif %}
{% endmacro %}

{# Predicate on (lot_id, business_date) of relation alias: the days that the named sources changed since the last
   green build. Literal dates prune files; the semi-join keeps exactly the touched days. #}
{% macro touched(sources, alias) -%}
    {%- if not is_building() -%}{{ return('true') }}{%- endif -%}
    {%- set names = "'" ~ sources | join("', '") ~ "'" -%}
    {%- set span = touched_span(sources) -%}
    {%- if span[0] is none -%}{{ return('false') }}{%- endif -%}
    {{ return(
        alias ~ ".business_date between date '" ~ span[0] ~ "' and date '" ~ span[1] ~ "' and ("
        ~ alias ~ ".lot_id, " ~ alias ~ ".business_date) in (select lot_id, business_date from memory.main.touched"
        ~ " where model in (" ~ names ~ "))"
    ) }}
{%- endmacro %}

{# Predicate on business_date of relation alias: within reach days of a day of a small temp table. Literal dates prune
   files; days far apart make ranges of their own, so that an old correction does not read all that lies between. #}
{% macro days_around(relation, alias, reach, condition='true') -%}
    {%- set ranges = [] -%}
    {%- for row in run_query(
        "select min(day), max(day) from (select day, sum(far) over (order by day) as run from (select day, "
        ~ "case when day - lag(day) over (order by day) > " ~ (2 * reach + 31) ~ " then 1 else 0 end as far from ("
        ~ "select distinct business_date as day from " ~ relation ~ " where " ~ condition ~ "))) group by run order by run"
    ).rows -%}
        {%- do ranges.append(
            alias ~ ".business_date between date '" ~ row[0] ~ "' - " ~ reach ~ " and date '" ~ row[1] ~ "' + " ~ reach
        ) -%}
    {%- endfor -%}
    {{ return("(" ~ ranges | join(" or ") ~ ")" if ranges else "false") }}
{%- endmacro %}

{# Predicate: days at most reach days off the span of the touched ones, in lots that were touched. #}
{% macro around_touched_days(sources, alias, reach) -%}
    {%- if not is_building() -%}{{ return('true') }}{%- endif -%}
    {%- set names = "'" ~ sources | join("', '") ~ "'" -%}
    {%- set span = touched_span(sources) -%}
    {%- if span[0] is none -%}{{ return('false') }}{%- endif -%}
    {{ return(
        alias ~ ".business_date between date '" ~ span[0] ~ "' - " ~ reach ~ " and date '" ~ span[1] ~ "' + " ~ reach
        ~ " and " ~ alias ~ ".lot_id in (select lot_id from memory.main.touched where model in (" ~ names ~ "))"
    ) }}
{%- endmacro %}

{% macro touched_span(sources) -%}
    {{ return(run_query(
        "select min(business_date), max(business_date) from memory.main.touched where model in ('"
        ~ sources | join("', '") ~ "')"
    ).rows[0]) }}
{%- endmacro %}
