{#
    Width folding as NFKC does it, but in plain SQL for every engine: full-width ASCII and the many
    hyphens and blanks become ASCII, half-width kana become full-width with their voiced marks.
    translate() with a long map is slow (some 100,000 rows/s), so it is kept to texts that need it.
#}
{% macro fold_width(text) -%}
    {{ fold_half_width_kana(fold_full_width_ascii(text)) }}
{%- endmacro %}


{% macro fold_full_width_ascii(text) -%}
    {#- Quotes and the backslash stay as they are: engines write them differently in literals. -#}
    {%- set wide = '０１２３４５６７８９'
        ~ 'ＡＢＣＤＥＦＧＨＩＪＫＬＭＮＯＰＱＲＳＴＵＶＷＸＹＺ'
        ~ 'ａｂｃｄｅｆｇｈｉｊｋｌｍｎｏｐｑｒｓｔｕｖｗｘｙｚ'
        ~ '！＃＄％＆（）＊＋，．／：；＜＝＞？＠［］＾＿｀｛｜｝～'
        ~ '－−‐‑–—―\u00a0\t\n\r' -%}
    {%- set narrow = '0123456789'
        ~ 'ABCDEFGHIJKLMNOPQRSTUVWXYZ'
        ~ 'abcdefghijklmnopqrstuvwxyz'
        ~ '!#$%&()*+,./:;<=>?@[]^_`{|}~'
        ~ '-------    ' -%}
    {#- The wide blank between names is too frequent for translate(). -#}
    {%- set spaced = "replace(" ~ text ~ ", '　', ' ')" -%}
    case
        when {{ regexp_matches(text, '[！-～−‐-―\u00a0\t\n\r]') }}
            then translate({{ spaced }}, '{{ wide }}', '{{ narrow }}')
        else {{ spaced }}
    end
{%- endmacro %}


{% macro fold_half_width_kana(text) -%}
    {%- set half = 'ｦｧｨｩｪｫｬｭｮｯｰｱｲｳｴｵｶｷｸｹｺｻｼｽｾｿﾀﾁﾂﾃﾄﾅﾆﾇﾈﾉ'
        ~ 'ﾊﾋﾌﾍﾎﾏﾐﾑﾒﾓﾔﾕﾖﾗﾘﾙﾚﾛﾜﾝﾞﾟ｡｢｣､･' -%}
    {%- set full = 'ヲァィゥェォャュョッーアイウエオカキクケコサシスセソタチツテトナニヌネノ'
        ~ 'ハヒフヘホマミムメモヤユヨラリルレロワン゛゜。「」、・' -%}
    {%- set marked = {
        '゛': ['ウカキクケコサシスセソタチツテトハヒフヘホ', 'ヴガギグゲゴザジズゼゾダヂヅデドバビブベボ'],
        '゜': ['ハヒフヘホ', 'パピプペポ'],
    } -%}
    {%- set folded = namespace(sql="translate(" ~ text ~ ", '" ~ half ~ "', '" ~ full ~ "')") -%}
    {%- for mark, (plain, voiced) in marked.items() -%}
        {%- for kana in plain -%}
            {%- set folded.sql = "replace(" ~ folded.sql ~ ", '" ~ kana ~ mark ~ "', '"
                ~ voiced[loop.index0] ~ "')" -%}
        {%- endfor -%}
    {%- endfor -%}
    case
        when {{ regexp_matches(text, '[｡-ﾟ]') }} then {{ folded.sql }}
        else {{ text }}
    end
{%- endmacro %}
