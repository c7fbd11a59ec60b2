{# What monitors record, of the neurons of one block. #}

{% macro spikemonitor(piece) %}
for (int _k = 0; _k < {{piece.events}}.count; _k++)
{
    const int _idx = {{piece.events}}.index[_k];
    const int _vectorisation_idx = _idx;
    if (_idx < _source_start || _idx >= _source_stop)
        continue;
    {{piece.fast_code|autoindent}}
    {% for name, array in piece.recorded.items() %}
    {{array}}.push_back(_to_record_{{name}});
    {% endfor %}
    {{piece.keywords.count}}[_idx - _source_start]++;
    {{piece.keywords.N}}++;
    {% if blocks and piece.recorded %}
    _when_{{piece.name}}.push_back(_step - _first_step);
    {% endif %}
}
{% endmacro %}

{% macro statemonitor(piece) %}
{% if blocks %}
const size_t _row = _rows_{{piece.name}} + (_step - _first_step);
for (const int _i : _ebn_plan.columns_{{piece.name}}[_block])
{% else %}
const size_t _row = {{piece.times}}.size();
{{piece.times}}.push_back({{piece.keywords._clock_t}});
{% for array in piece.traces.values() %}
{{array}}.resize(_row + 1, _num_indices);
{% endfor %}
{{piece.keywords.N}} = _row + 1;
for (int _i = 0; _i < (int)_num_indices; _i++)
{% endif %}
{
    const int _idx = {{piece.keywords._indices}}[_i];
    const int _vectorisation_idx = _idx;
    {{piece.fast_code|autoindent}}
    {% for name, array in piece.traces.items() %}
    {{array}}(_row, _i) = _to_record_{{name}};
    {% endfor %}
}
{% endmacro %}

{% macro ratemonitor(piece) %}
size_t _seen = 0;
for (int _k = 0; _k < {{piece.events}}.count; _k++)
    _seen += {{piece.events}}.index[_k] >= _source_start && {{piece.events}}.index[_k] < _source_stop;
{% if blocks %}
if (_seen)
    __atomic_fetch_add(&_seen_{{piece.name}}[_step - _first_step], _seen, __ATOMIC_RELAXED);
{% else %}
{{add_rate(piece, '_seen', piece.keywords._clock_t)}}
{% endif %}
{% endmacro %}

{# The rate of one step, from the spikes seen in it. #}
{% macro add_rate(piece, seen, time) %}
{{piece.traces.rate}}.push_back(1.0 * {{seen}} / {{clock}}.dt[0] / {{piece.keywords.get('_num_source_neurons', '_num_source_neurons')}});
{{piece.times}}.push_back({{time}});
brian::{{piece.number}}[0]++;
{% endmacro %}

{# Room for what monitors record in every step of a chunk. #}
{% macro begin_traces() %}
{% for piece in pieces if piece.kind == 'statemonitor' %}
const size_t _rows_{{piece.name}} = {{piece.times}}.size();
for (int64_t _s = _first_step; _s < _end_step; _s++)
    {{piece.times}}.push_back(_s == _first_step ? {{clock}}.t[0] : _s * {{clock}}.dt[0]);
{% for array in piece.traces.values() %}
{{array}}.resize({{piece.times}}.size(), _ebn_plan.n_columns_{{piece.name}});
{% endfor %}
brian::{{piece.number}}[0] = {{piece.times}}.size();
{% endfor %}
{% for piece in pieces if piece.kind == 'ratemonitor' %}
std::vector<size_t> _seen_{{piece.name}}(_end_step - _first_step, 0);
{% endfor %}
{% endmacro %}

{# Rates of all blocks together. #}
{% macro end_traces() %}
{% for piece in pieces if piece.kind == 'ratemonitor' %}
{
    {{piece.constants|autoindent}}
    for (int64_t _s = _first_step; _s < _end_step; _s++)
    {
        const double _at = _s == _first_step ? {{clock}}.t[0] : _s * {{clock}}.dt[0];
        {{add_rate(piece, '_seen_' ~ piece.name ~ '[_s - _first_step]', '_at')}}
    }
}
{% endfor %}
{% endmacro %}
