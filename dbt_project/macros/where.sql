{# In an incremental run, tests look at the days that the tested model changed; a full run looks at everything. #}
{% macro get_where_subquery(relation) -%}
    {%- set tested = namespace(by_day=false) -%}
    {%- if is_building() and flags.WHICH == 'build' and not flags.FULL_REFRESH -%}
        {%- for node in graph.nodes.values() -%}
            {%- if node.resource_type == 'model' and node.name == relation.identifier
                and node.config.materialized == 'incremental' and 'business_date' in node.columns -%}
                {%- set tested.by_day = true -%}
            {%- endif -%}
        {%- endfor -%}
    {%- endif -%}
    {%- if tested.by_day -%}
        (select * from {{ relation }} as tested where {{ touched([relation.identifier], 'tested') }}) as tested
    {%- else -%}
        {{ relation }}
    {%- endif -%}
{%- endmacro %}
