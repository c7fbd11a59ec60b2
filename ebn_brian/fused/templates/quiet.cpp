{# Steps in which no neuron has an event, of blocks of few neurons (see quiet.py). #}

{# What depends on the time, the same for all neurons of a step. #}
{% macro at_step() %}
struct _ebn_timed {
    {% for part in quiet.parts %}
    {% for scalar in part.timed %}
    {{scalar.dtype}} _{{part.number}}_{{scalar.name}};
    {% endfor %}
    {% endfor %}
};
{% endmacro %}

{# Its values in the steps of a chunk. #}
{% macro look_up(loops) %}
if (_ebn_plan.narrow)
    for (int64_t _step = _first_step; _step < _end_step; _step++)
    {
        _ebn_timed& _now = _ebn_plan.at_step[_step - _first_step];
        double _time = {{loops.time_of('_step')}};
        int64_t* const {{clock_timestep}} = &_step;
        double* const {{clock_t}} = &_time;
        {% for part in quiet.parts %}
        {
            using namespace {{codeobj_name}}_support_{{part.piece.support}};
            {{part.piece.constants|autoindent}}
            {{part.piece.pointers|autoindent}}
            const int _vectorisation_idx = -1;
            {{part.piece.scalar_code|autoindent}}
            {% for scalar in part.timed %}
            _now._{{part.number}}_{{scalar.name}} = {{scalar.name}};
            {% endfor %}
        }
        {% endfor %}
    }
{% endmacro %}

{# The scalars of a part. #}
{% macro scalars(part, loops) %}
using namespace {{codeobj_name}}_support_{{part.piece.support}};
{{part.piece.constants|autoindent}}
{{part.pointers|autoindent}}
{{part.lasting|autoindent}}
{% for scalar in part.timed %}
const {{scalar.dtype}} {{scalar.name}} = _now._{{part.number}}_{{scalar.name}};
{% endfor %}
{{loops.period(part.piece)}}
{% endmacro %}

{# Which lanes are neurons. #}
{% macro lanes_in_use() %}
fused::Marks<mask_t, _ebn_width> _real;
for (int _k = 0; _k < _ebn_width; _k++)
    _real.mark[_k] = -(_k < _last_{{quiet.owner}} - _first_{{quiet.owner}});
{% endmacro %}

{# Goes on to the first step in which something happens, or the last one of the chunk. #}
{% macro go_on(loops) %}
int64_t _stop = _end_step;
{% for pathway in pathways %}
_stop = std::min(_stop, _ebn_plan.held_{{pathway.name}}[_block].next(_ebn_plan.delay_{{pathway.name}}) + 1);
{% endfor %}
{% for part in quiet.parts if part.piece.kind == 'threshold' %}
fused::Marks<mask_t, _ebn_width> _marks_{{part.number}};
{% endfor %}
{
    {% for array in quiet.constant %}
    {{array.dtype}}* __restrict const _here{{array.name}} = ({{array.dtype}}*)__builtin_assume_aligned({{array.name}} + _first_{{quiet.owner}}, 64);
    {% endfor %}
    // copies that nothing else can reach stay in registers
    {% for array in quiet.changing %}
    {{array.dtype}}* __restrict const _there{{array.name}} = ({{array.dtype}}*)__builtin_assume_aligned({{array.name}} + _first_{{quiet.owner}}, 64);
    alignas(64) {{array.dtype}} _here{{array.name}}[_ebn_width];
    IVDEP
    for (int _k = 0; _k < _ebn_width; _k++)
        _here{{array.name}}[_k] = _there{{array.name}}[_k];
    {% endfor %}
    for (; _step < _stop; _step++)
    {
        const _ebn_timed& _now = _ebn_plan.at_step[_step - _first_step];
        // what the loops call by these names
        {% for array in quiet.constant + quiet.changing %}
        {{array.dtype}}* const {{array.name}} = _here{{array.name}};
        {% endfor %}
        {% for part in quiet.parts %}
        { // {{part.piece.name}}
            {{scalars(part, loops)}}
            IVDEP
            for (int _k = 0; _k < _ebn_width; _k++)
            {
                const int _idx = _k;
                const int _vectorisation_idx = _idx;
                {
                    {{part.piece.fast_code|autoindent}}
                    {% if part.piece.kind == 'threshold' %}
                    _marks_{{part.number}}.mark[_k] = _cond ? _real.mark[_k] : 0;
                    {% endif %}
                }
            }
        }
        {% endfor %}
        {% for part in quiet.parts if part.piece.kind == 'threshold' %}
        if (_marks_{{part.number}}.any())
            break;
        {% endfor %}
    }
    {% for array in quiet.changing %}
    IVDEP
    for (int _k = 0; _k < _ebn_width; _k++)
        _there{{array.name}}[_k] = _here{{array.name}}[_k];
    {% endfor %}
}
// where no neuron has an event, it is the last step that is to be finished
_step -= _step == _stop;
_time = {{loops.time_of('_step')}};
{% for part in quiet.parts if part.piece.kind == 'threshold' %}
{
    {{part.piece.constants|autoindent}}
    {{part.piece.pointers|autoindent}}
    int32_t _count = 0;
    _marks_{{part.number}}.for_each([&](const int _k)
    {
        const int _idx = _first_{{quiet.owner}} + _k;
        {{loops.note_event(part.piece)}}
    });
    {{part.piece.events}}.count = _count;
}
{% endfor %}
{% endmacro %}
