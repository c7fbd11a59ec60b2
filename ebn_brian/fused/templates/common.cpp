{# What the fused steps of the CPU and of the GPU have in common. #}

{# Functions that the texts of code objects call. #}
{% macro support_code() %}
////// SUPPORT CODE ///////
{% for lines in support %}
namespace {{codeobj_name}}_support_{{loop.index0}} {
    {{lines|autoindent}}
}
{% endfor %}
{% for lines in hashdefines %}
{{lines|autoindent}}
{% endfor %}
{% endmacro %}

{# What monitors have recorded, by blocks. #}
{% macro recorded_parts() %}
{% for piece in pieces if piece.recorded %}
fused::Parts<int32_t> when_{{piece.name}};
{% for array in piece.recorded.values() %}
std::vector<decltype(brian::{{array}})> parts{{array}};
{% endfor %}
{% endfor %}
{% endmacro %}
