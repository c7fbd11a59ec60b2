{# How each kind of code object goes through the neurons or synapses of one block. Around these
   loops stands, unchanged, the text that Brian2 generated from the user's equations. #}

{% macro stateupdate(piece) %}
const int _n = {{piece.last}} - {{piece.first}};
{{ 'IVDEP UNROLL' if piece.parallel }}
for (int _k = 0; _k < {{ 'fused::padded(_n)' if piece.padded else '_n' }}; _k++)
{
    const int _idx = {{piece.first}} + _k;
    const int _vectorisation_idx = _idx;
    { // names of its own, for a variable k
        {{piece.vector_code|autoindent}}
    }
}
{% endmacro %}

{% macro note_event(piece) %}
        {{piece.events}}.index[_count++] = _idx;
        {% if piece.keywords._uses_refractory %}
        {{piece.keywords.not_refractory}}[_idx] = false;
        {{piece.keywords.lastspike}}[_idx] = {{piece.keywords.t}};
        {% endif %}
{% endmacro %}

{# Events are rare: a strip of neurons is searched only where a vectorised look found one. #}
{% macro threshold(piece) %}
int32_t _count = 0;
{% if piece.parallel %}
// inlined, so that the loops over a whole strip are of constant length
const auto _look = [&](const int _strip, const int _size) __attribute__((always_inline))
{
    mask_t _any = 0;
    IVDEP
    for (int _k = 0; _k < _size; _k++)
    {
        const int _idx = _strip + _k;
        const int _vectorisation_idx = _idx;
        {{piece.vector_code|autoindent}}
        _any |= (mask_t)_cond;
    }
    if (!_any)
        return;
    fused::Flags _flags;
    IVDEP
    for (int _k = 0; _k < _size; _k++)
    {
        const int _idx = _strip + _k;
        const int _vectorisation_idx = _idx;
        {{piece.vector_code|autoindent}}
        _flags.set[_k] = (bool)_cond;
    }
    _flags.for_each([&](const int _k)
    {
        const int _idx = _strip + _k;
        {{note_event(piece)}}
    });
};
int _strip = {{piece.first}};
for (; _strip + fused::STRIP <= {{piece.last}}; _strip += fused::STRIP)
    _look(_strip, fused::STRIP);
if (_strip < {{piece.last}})
    _look(_strip, {{piece.last}} - _strip);
{% else %}
for (int _idx = {{piece.first}}; _idx < {{piece.last}}; _idx++)
{
    const int _vectorisation_idx = _idx;
    {{piece.vector_code|autoindent}}
    if (_cond)
    {
        {{note_event(piece)}}
    }
}
{% endif %}
{{piece.events}}.count = _count;
{% endmacro %}

{# A condition that implies an earlier event is looked up only where that event happened. #}
{% macro threshold_among(piece) %}
int32_t _count = 0;
for (int _k = 0; _k < {{piece.among}}.count; _k++)
{
    const int _idx = {{piece.among}}.index[_k];
    const int _vectorisation_idx = _idx;
    {{piece.vector_code|autoindent}}
    if (_cond)
    {
        {{note_event(piece)}}
    }
}
{{piece.events}}.count = _count;
{% endmacro %}

{% macro reset(piece) %}
for (int _k = 0; _k < {{piece.events}}.count; _k++)
{
    const int _idx = {{piece.events}}.index[_k];
    const int _vectorisation_idx = _idx;
    {{piece.vector_code|autoindent}}
}
{% endmacro %}

{# The synapses of one segment. #}
{% macro segment(piece) %}
const fused::Constant _ptr{{piece.pathway.rows.pre_array}}{_segment.pre};
const fused::Consecutive _ptr{{piece.pathway.rows.post_array}}{_segment.post - _segment.synapse};
{{ 'IVDEP' if piece.parallel }}
for (int _idx = _segment.synapse; _idx < _segment.synapse + _segment.length; _idx++)
{
    const int _vectorisation_idx = _idx;
    {{piece.vector_code|autoindent}}
}
{% endmacro %}

{% macro synapses(piece) %}
{% set rows = piece.pathway.rows %}
{% if carries %}
// what an earlier run has left under way comes before the events of this run
const fused::Arrivals& _left = _ebn_plan.parts_{{piece.pathway.name}}[_block];
if (_step - _ebn_plan.first_step < (int64_t)_left.size())
{
    for (const int32_t _synapse : _left[_step - _ebn_plan.first_step])
    {
        const fused::Segment _segment{_synapse, {{rows.pre}}[_synapse], {{rows.post}}[_synapse], 1};
        {{segment(piece)}}
    }
}
{% endif %}
for (int _k = 0; _k < {{piece.events}}.count; _k++)
{
    const int32_t _source = {{piece.events}}.index[_k];
    for (const fused::Segment* _s = _ebn_plan.{{rows.name}}.begin(_source), *_end = _ebn_plan.{{rows.name}}.end(_source); _s != _end; _s++)
    {
        const fused::Segment _segment = *_s;
        {{segment(piece)}}
    }
}
{% endmacro %}

{% macro spikemonitor(piece) %}
for (int _k = 0; _k < {{piece.events}}.count; _k++)
{
    const int _idx = {{piece.events}}.index[_k];
    const int _vectorisation_idx = _idx;
    if (_idx < _source_start || _idx >= _source_stop)
        continue;
    {{piece.vector_code|autoindent}}
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

{# What the time since the last lap counts to. #}
{% macro lap(name) %}
{% if profiled %}
{
    const auto _now = std::chrono::high_resolution_clock::now();
    {% if name in profiled %}
    {{name}}_profiling_info += std::chrono::duration_cast<std::chrono::nanoseconds>(_now - _lap);
    {% endif %}
    _lap = _now;
}
{% endif %}
{% endmacro %}
