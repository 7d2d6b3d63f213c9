{# Days whose entry and exit records were removed from a lot (docs/adr/0013). What stood in the reports of these days when
   that happened is kept in lake.closed.<model> and stays in force: a model with config keeps_closed_days never tells such
   a day anew, and a full build puts the kept rows in place of what is left to count. #}

{% macro removable_kinds() -%}
    {{ return(['entry', 'exit', 'inner_entry', 'inner_exit', 'snapshot']) }}
{%- endmacro %}

{# Called once at the start of a run; a snapshot from before the table has no closed days. #}
{% macro open_closed_days() %}
    {% set there = run_query(
        "select count(*) from duckdb_tables() where database_name = 'lake' and schema_name = 'closed' and table_name = 'removal'"
    ).rows[0][0] %}
    {% do run_query(
        "create or replace table memory.main.closed as "
        ~ ("select lot_id, max(removed_before) as removed_before from lake.closed.removal group by lot_id" if there
            else "select cast(null as bigint) as lot_id, cast(null as date) as removed_before where false")
    ) %}
{% endmacro %}

{# Predicate: the row's day is closed. #}
{% macro on_closed_day(alias) -%}
exists (
    select 1 from memory.main.closed as closed
    where closed.lot_id = {{ alias }}.lot_id and {{ alias }}.business_date < closed.removed_before
)
{%- endmacro %}

{# Predicate: the row is kept as it is. By kind, only those count that are removed: a late charge still tells. #}
{% macro kept_row(alias, columns) -%}
({{ on_closed_day(alias) }}
{%- if 'kind' in columns %} and {{ alias }}.kind in ('{{ removable_kinds() | join("', '") }}'){% endif %})
{%- endmacro %}

{# Post-hook of a full build. #}
{% macro keep_closed_days() -%}
    {%- if not is_building() or not flags.FULL_REFRESH or not config.get('keeps_closed_days') -%}
        {{ return('select 1') }}
    {%- endif -%}
    {%- set known = run_query(
        "select column_name from duckdb_columns() where database_name = 'lake' and schema_name = 'closed' and table_name = '"
        ~ this.identifier ~ "'"
    ).columns[0].values() -%}
    {%- if not known -%}{{ return('select 1') }}{%- endif -%}
    {%- set columns = [] -%}
    {%- for name in model.columns -%}{%- if name in known -%}{%- do columns.append(name) -%}{%- endif -%}{%- endfor -%}
    delete from {{ this }} as standing where {{ kept_row('standing', columns) }};
    insert into {{ this }} ({{ columns | join(', ') }})
    select {{ columns | join(', ') }} from lake.closed.{{ this.identifier }}
{%- endmacro %}
