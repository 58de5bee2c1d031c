{#
    Names of companies taken apart: legal form, branch, and a key that all spellings share.
    They expect text whose width is folded already (clean_text).
#}

{# Legal form -> pattern of its spellings; the long forms come before those they contain. #}
{% macro legal_forms() -%}
    {{ return({
        '株式会社': '株式会社|[(]株[)]|㈱|㍿|カブシキ[ガカ]イシャ|^カ[)]|[(]カ[)]?$',
        '有限会社': '有限会社|[(]有[)]|㈲|ユウゲン[ガカ]イシャ|^ユ[)]|[(]ユ[)]?$',
        '合同会社': '合同会社|[(]同[)]|^ド[)]|[(]ド[)]?$',
        '合資会社': '合資会社|[(]資[)]|㈾|^シ[)]|[(]シ[)]?$',
        '合名会社': '合名会社|[(]名[)]|㈴|^メ[)]|[(]メ[)]?$',
        '一般社団法人': '一般社団法人|[(]一社[)]',
        '一般財団法人': '一般財団法人|[(]一財[)]',
        '公益社団法人': '公益社団法人|[(]公社[)]',
        '公益財団法人': '公益財団法人|[(]公財[)]',
        '医療法人': '医療法人(社団|財団)?|[(]医[)]',
        '学校法人': '学校法人|[(]学[)]',
        '社会福祉法人': '社会福祉法人|[(]社福[)]|[(]福[)]',
        '特定非営利活動法人': '特定非営利活動法人|NPO法人',
        '独立行政法人': '独立行政法人|[(]独[)]',
        'ltd': '(, ?)?[Cc][Oo][.]?,? ?[Ll][Tt][Dd][.]?$|,? [Ll][Tt][Dd][.]?$|,? [Ii][Nn][Cc][.]?$'
            ~ '|,? [Kk][.]?[Kk][.]?$|,? [Cc]orp(oration|[.])?$|,? [Ll][Ll][Cc][.]?$',
    }) }}
{%- endmacro %}


{# The legal form in full, null where the name has none. #}
{% macro legal_form(name) -%}
    case
        {%- for form, spellings in legal_forms().items() %}
        when {{ regexp_matches(name, spellings) }} then '{{ form }}'
        {%- endfor %}
    end
{%- endmacro %}


{% macro without_legal_form(name) -%}
    trim({{ regexp_replace(name, legal_forms().values() | join('|'), ' ') }})
{%- endmacro %}


{#
    The branch or office at the end of a name. It starts after a blank (or the legal form), else
    with the name of a region or city, for without either nobody can tell where it starts.
#}
{% macro branch_pattern() -%}
    {%- set office = '(支店|支社|支部|営業所|出張所|事業所|事務所|工場|本社|本店|本部|オフィス|センター)' -%}
    {%- set places = '(北海道|東北|北関東|南関東|関東|首都圏|甲信越|北陸|東海|中部|近畿|関西|中国|四国|九州|沖縄'
        ~ '|札幌|青森|盛岡|仙台|秋田|山形|福島|水戸|茨城|宇都宮|栃木|前橋|群馬|埼玉|大宮|千葉|東京|新宿|渋谷|横浜|神奈川'
        ~ '|新潟|富山|金沢|石川|福井|甲府|山梨|長野|岐阜|静岡|浜松|名古屋|愛知|三重|滋賀|京都|大阪|神戸|兵庫|奈良|和歌山'
        ~ '|鳥取|松江|島根|岡山|広島|山口|徳島|高松|香川|松山|愛媛|高知|北九州|福岡|佐賀|長崎|熊本|大分|宮崎|鹿児島|那覇)' -%}
    {{ return(' [^ ]+' ~ office ~ '$|' ~ places ~ '(第?[0-9一二三四五]*)' ~ office ~ '$|(本社|本店)$') }}
{%- endmacro %}


{# The name without form and branch, in which case, kana, variant kanji and punctuation agree. #}
{% macro company_key(name) -%}
    {%- set variants = {
        '髙': '高', '﨑': '崎', '齋': '斎', '齊': '斎', '斉': '斎', '邊': '辺', '邉': '辺', '澤': '沢',
        '國': '国', '廣': '広', '濱': '浜', '櫻': '桜', '龍': '竜', '會': '会', '學': '学', '藝': '芸',
        '榮': '栄', '壽': '寿', '眞': '真', '瀧': '滝', '嶋': '島', '嶌': '島', '冨': '富', '德': '徳',
        '實': '実', '圓': '円', '鐵': '鉄', '澁': '渋', '萬': '万', '應': '応', '豐': '豊', '舘': '館',
        'ゐ': 'イ', 'ヰ': 'イ', 'ゑ': 'エ', 'ヱ': 'エ', 'ヲ': 'オ', 'を': 'オ', 'ヂ': 'ジ', 'ヅ': 'ズ',
    } -%}
    {%- set hiragana = 'ぁあぃいぅうぇえぉおかがきぎくぐけげこごさざしじすずせぜそぞただちぢっつづてでとど'
        ~ 'なにぬねのはばぱひびぴふぶぷへべぺほぼぽまみむめもゃやゅゆょよらりるれろわん' -%}
    {%- set katakana = 'アアイイウウエエオオカガキギクグケゲコゴサザシジスズセゼソゾタダチジツツズテデトド'
        ~ 'ナニヌネノハバパヒビピフブプヘベペホボポマミムメモヤヤユユヨヨラリルレロワン' -%}
    {%- set from = hiragana ~ 'ァィゥェォッャュョヵヶ' ~ variants.keys() | join -%}
    {%- set to = katakana ~ 'アイウエオツヤユヨカケ' ~ variants.values() | join -%}
    nullif(translate(lower({{ regexp_replace(
        regexp_replace(without_legal_form(name), branch_pattern(), ''),
        '[ .,・･&＆’`"/:;_*+~!?(){}「」『』<>|ー–—‐-]', ''
    ) }}), '{{ from }}', '{{ to }}'), '')
{%- endmacro %}


{# Whether two keys differ as by a typing error: one letter of at least four, two of eight. #}
{% macro similar_company_keys(one, other) -%}
    (
        length({{ one }}) >= 4
        and length({{ other }}) >= 4
        and {{ edit_distance(one, other) }} <= case when length({{ one }}) < 8 then 1 else 2 end
    )
{%- endmacro %}


{# The branch that the name ends in, null where it has none. #}
{% macro company_branch(name) -%}
    {%- set rest = without_legal_form(name) -%}
    nullif(trim(substring(
        {{ rest }}, length({{ regexp_replace(rest, branch_pattern(), '') }}) + 1
    )), '')
{%- endmacro %}


{# Thirteen digits of a 法人番号 whose check digit is right, else null; a T before them is an invoice number. #}
{% macro corporate_number(text) -%}
    {%- set digits = regexp_replace(text, '[^0-9]', '') -%}
    case
        when {{ regexp_matches(digits, '^[1-9][0-9]{12}$') }}
            and cast(substring({{ digits }}, 1, 1) as integer) = 9 - mod(
                {%- for position in range(2, 14) %}
                {{ '+ ' if not loop.first }}{{ 2 - position % 2 }}
                * cast(substring({{ digits }}, {{ position }}, 1) as integer)
                {%- endfor %},
                9
            )
            then {{ digits }}
    end
{%- endmacro %}


{# What follows the @, or the host of a web site, without www. #}
{% macro mail_domain(text) -%}
    nullif({{ regexp_replace(
        "lower(" ~ text ~ ")", '^.*@|^([a-z]+://)?(www[.])?|[/:?].*$', ''
    ) }}, '')
{%- endmacro %}
