"""Chinese by pinyin, Japanese by Hepburn, Korean by Revised Romanization; the family name stays first."""

from __future__ import annotations

import unicodedata
from functools import cache

from services.intake.names.lexicon import lexicon, sounds, table

_FAMILY_PINYIN = table(
    "单 單 曾 仇 解 查 区 區 任 华 華 盖 蓋 朴 缪 繆 乐 樂 种 翟 尉 覃 祭 员 員 召 冼 那 秘 牟 宓 "
    "折 尉迟 尉遲 万俟 澹台 单于 長孫 长孙",
    "shan shan zeng qiu xie zha ou ou ren hua hua ge ge piao miao miao yue yue chong zhai wei qin "
    "zhai yun yun shao xian na bi mu fu she yuchi yuchi moqi tantai chanyu zhangsun zhangsun",
)
"""Family names that are read in another way than the same character elsewhere."""

_TWO_CHARACTER_FAMILIES = frozenset(
    sounds(
        "欧阳 歐陽 司马 司馬 上官 诸葛 諸葛 东方 東方 皇甫 尉迟 尉遲 公孙 公孫 慕容 长孙 長孫 宇文 "
        "司徒 令狐 夏侯 轩辕 軒轅 端木 百里 独孤 獨孤 南宫 南宮 东郭 呼延 万俟 申屠 太史 澹台 单于 "
        "闻人 鲜于 鮮于 赫连 赫連 张简 張簡 范姜"
    )
)


def han(words: str, spoken: str | None) -> str:
    """Return Chinese as ``Wang Xiaoming``: family name, then the given name as one word; ü is yu, as in passports."""
    if spoken == "ko":
        return " ".join(words.split())
    parts = words.split()
    if len(parts) == 1 and len(parts[0]) > 3 and (cut := _family_and_given(words))[0] in lexicon("ja.family"):
        return japanese(" ".join(cut), spoken)
    if len(parts) == 1 and 2 <= len(parts[0]) <= 4:
        family = 2 if parts[0][:2] in _TWO_CHARACTER_FAMILIES and len(parts[0]) > 2 else 1
        parts = [parts[0][:family], parts[0][family:]]
    family_first = parts[0] in _FAMILY_PINYIN
    return " ".join(
        _FAMILY_PINYIN[part] if at == 0 and family_first else _pinyin(part) for at, part in enumerate(parts)
    )


def syllables(text: str) -> list[str]:
    """Return the sound of each character in pinyin without tones; whatever isn't Chinese stays as it is."""
    from pypinyin import lazy_pinyin  # a quarter of a second and 55 MB, which most processes never need

    found: list[str] = lazy_pinyin(text)
    return found


def _pinyin(text: str) -> str:
    return "".join(syllables(text)).replace("v", "yu").replace("ü", "yu")


_SURNAMES = table(
    "김 이 박 최 정 강 조 윤 장 임 오 한 신 서 권 황 안 송 류 유 홍 전 고 문 손 양 배 백 허 남 심 "
    "노 하 곽 성 차 주 우 구 민 리 림 여 추 도 소 석 선 설 마 길 연 위 표 명 기 반 라 나 왕 금 옥 "
    "육 인 맹 제 모 남궁 황보 제갈 선우 독고 사공 서문 동방",
    "Kim Lee Park Choi Jung Kang Cho Yoon Jang Lim Oh Han Shin Seo Kwon Hwang Ahn Song Ryu Yoo "
    "Hong Jeon Ko Moon Son Yang Bae Baek Heo Nam Shim Noh Ha Kwak Sung Cha Joo Woo Koo Min Ri Rim "
    "Yeo Choo Do So Seok Sun Seol Ma Gil Yeon Wi Pyo Myung Ki Ban Ra Na Wang Keum Ok Yuk In Maeng "
    "Je Mo Namgung Hwangbo Jegal Sunwoo Dokgo Sagong Seomun Dongbang",
)
"""Family names as most of their bearers have them in their passports; given names follow Revised Romanization."""

_LEADS = sounds("g kk n d tt r m b pp s ss _ j jj ch k t p h")
_VOWELS = sounds("a ae ya yae eo e yeo ye o wa wae oe yo u wo we wi yu eu ui i")
_TAILS = sounds("_ k k k n n n t l k m l l l p l m p p t t ng t t k t p t")


def korean(words: str, _: str | None) -> str:
    """Return Korean by Revised Romanization, syllable by syllable as in names: 한복남 is Han Boknam."""
    parts = [unicodedata.normalize("NFC", part) for part in words.split()]
    if len(parts) == 1 and 2 <= len(parts[0]) <= 5:
        family = 2 if parts[0][:2] in _SURNAMES and len(parts[0]) > 2 else 1
        parts = [parts[0][:family], parts[0][family:]]
    if len(parts) > 1 and parts[0] in _SURNAMES:
        return " ".join([_SURNAMES[parts[0]], *("".join(map(_syllable, part)) for part in parts[1:])])
    return " ".join("".join(map(_syllable, part)) for part in parts)


def _syllable(character: str) -> str:
    index = ord(character) - 0xAC00
    if not 0 <= index < 11172:
        return character
    return _LEADS[index // 588] + _VOWELS[index % 588 // 28] + _TAILS[index % 28]


_KANA = table(
    "ア イ ウ エ オ カ キ ク ケ コ サ シ ス セ ソ タ チ ツ テ ト ナ ニ ヌ ネ ノ ハ ヒ フ ヘ ホ マ "
    "ミ ム メ モ ヤ ユ ヨ ラ リ ル レ ロ ワ ヰ ヱ ヲ ン ガ ギ グ ゲ ゴ ザ ジ ズ ゼ ゾ ダ ヂ ヅ デ "
    "ド バ ビ ブ ベ ボ パ ピ プ ペ ポ ヴ ァ ィ ゥ ェ ォ",
    "a i u e o ka ki ku ke ko sa shi su se so ta chi tsu te to na ni nu ne no ha hi fu he ho ma "
    "mi mu me mo ya yu yo ra ri ru re ro wa i e o n ga gi gu ge go za ji zu ze zo da ji zu de do "
    "ba bi bu be bo pa pi pu pe po vu a i u e o",
)


def japanese(words: str, _: str | None) -> str:
    """Return Japanese by Hepburn without long marks, as passports do: 大野 太郎 is Ono Taro; unknown kanji as Chinese."""
    parts = [part for word in words.split() for part in _family_and_given(word)]
    return " ".join(_read(part, "family" if at == 0 and len(parts) > 1 else "given") for at, part in enumerate(parts))


def _family_and_given(word: str) -> tuple[str, ...]:
    """Cut an unspaced name where both halves are known names, the longest family name first; else leave it whole."""
    families, given = lexicon("ja.family"), lexicon("ja.given")
    if word in families or word in given or _is_kana(word):
        return (word,)
    for cut in range(len(word) - 1, 0, -1):
        if word[:cut] in families and (word[cut:] in given or _is_kana(word[cut:])):
            return word[:cut], word[cut:]
    for cut in (2, 3, 1):
        if cut < len(word) and (word[:cut] in families or word[cut:] in given):
            return word[:cut], word[cut:]
    return (word,)


def _is_kana(text: str) -> bool:
    return all("KATAKANA" in (name := unicodedata.name(sign, "")) or "HIRAGANA" in name for sign in text)


def _read(part: str, place: str) -> str:
    other = "given" if place == "family" else "family"
    known = lexicon(f"ja.{place}").get(part) or lexicon(f"ja.{other}").get(part)
    return known or (_hepburn(part) if _is_kana(part) else "".join(map(_one_kanji, part)))


def _one_kanji(sign: str) -> str:
    return _hepburn(sign) if _is_kana(sign) else _pinyin(sign)


@cache
def _katakana(sign: str) -> str:
    return chr(ord(sign) + 0x60) if "ぁ" <= sign <= "ゖ" else sign


def _hepburn(kana: str) -> str:
    out, double = "", False
    for sign in map(_katakana, kana):
        if sign == "ー":
            continue
        if sign == "ッ":
            double = True
            continue
        if sign in "ャュョ" and out.endswith("i"):
            glide = {"ャ": "a", "ュ": "u", "ョ": "o"}[sign]
            out = out[:-1] + (glide if out[-3:-1] in ("sh", "ch") or out[-2:-1] == "j" else "y" + glide)
            continue
        sound = _KANA.get(sign, sign)
        out += ("t" if sound.startswith("ch") else sound[:1]) * double + sound
        double = False
    for long, short in (("ou", "o"), ("oo", "o"), ("uu", "u")):
        out = out.replace(long, short)
    return out.replace("nb", "mb").replace("np", "mp").replace("nm", "mm")
