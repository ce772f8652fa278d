#include "test.h"
#include "name.h"

#include <unistr.h>

static void expect_nick(const char *text, const char *folded) {
    struct name name;
    bool valid = name_nick(wire_text(text), &name);
    if (folded == NULL && valid)
        fail_msg("'%s' should not be a nick", text);
    if (folded != NULL && (!valid || strcmp(name.folded, folded) != 0))
        fail_msg("'%s' should be a nick that folds to '%s'", text, folded);
}

static void a_nick_has_letters_and_digits_of_one_script(void **state) {
    (void)state;
    expect_nick("alice", "alice");
    expect_nick("a", "a");
    expect_nick("Al_ice-2", "al_ice-2");
    expect_nick("Привет", "привет");
    expect_nick("小明", "小明");
    expect_nick("たろうタロウ太郎", "たろうタロウ太郎");
    expect_nick("한국漢", "한국漢");
    expect_nick("हिन्दी", "हिन्दी");
    expect_nick("12345678901234567890123456789012", "12345678901234567890123456789012");
}

static void what_is_no_nick_is_refused(void **state) {
    (void)state;
    static const char *const rows[] = {"",
                                       " ",
                                       "a b",
                                       "a\tb",
                                       "#room",
                                       "a.b",
                                       "a/b",
                                       "../x",
                                       "a\x1b[1m",
                                       "al\xd0\xb8"
                                       "ce",
                                       "\xcc\x81"
                                       "a",
                                       "a\xe2\x80\x8b"
                                       "b",
                                       "a\xe2\x80\xae",
                                       "😀",
                                       "\xff",
                                       "a\xc3",
                                       "123456789012345678901234567890123",
                                       "たろう한",
                                       "漢ひ한"};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        expect_nick(rows[i], NULL);
}

static void nicks_that_look_alike_fold_alike(void **state) {
    (void)state;
    expect_nick("ALICE", "alice");
    expect_nick("ａｌｉｃｅ", "alice");
    expect_nick("e\xcc\x81", "é");
    expect_nick("É", "é");
    expect_nick("straße", "strasse");
}

struct refused {
    const char *text, *why;
};

static void expect_refused(const struct refused *rows, size_t count) {
    struct name name;
    for (size_t i = 0; i < count; i++)
        if (name_nick(wire_text(rows[i].text), &name))
            fail_msg("'%s' should not be a nick: %s", rows[i].text, rows[i].why);
}

#define EXPECT_REFUSED(rows) expect_refused(rows, sizeof(rows) / sizeof *(rows))

static void nothing_in_a_name_is_invisible(void **state) {
    (void)state;
    static const struct refused rows[] = {
        {u8"al\u00adice", "soft hyphen"},
        {u8"al\u034fice", "combining grapheme joiner"},
        {u8"al\u061cice", "Arabic letter mark"},
        {u8"\u115falice", "Hangul choseong filler"},
        {u8"alice\u1160", "Hangul jungseong filler"},
        {u8"한\u3164", "Hangul filler"},
        {u8"\u3164", "Hangul filler alone"},
        {u8"한\uffa0", "halfwidth Hangul filler"},
        {u8"ក\u17b4", "Khmer inherent vowel"},
        {u8"ᠠ\u180b", "Mongolian variation selector"},
        {u8"ᠠ\u180e", "Mongolian vowel separator"},
        {u8"al\u200bice", "zero width space"},
        {u8"al\u200cice", "zero width non-joiner"},
        {u8"al\u200dice", "zero width joiner"},
        {u8"al\u200eice", "left-to-right mark"},
        {u8"al\u202eice", "right-to-left override"},
        {u8"al\u2060ice", "word joiner"},
        {u8"al\u2066ice", "left-to-right isolate"},
        {u8"al\u206aice", "symmetric swapping"},
        {u8"alice\ufe0f", "variation selector"},
        {u8"al\ufeffice", "byte order mark"},
        {u8"alice\U000e0061", "tag"},
        {u8"alice\U000e0100", "variation selector of the supplement"},
        {u8"ع\u0640لي", "tatweel"},
        {u8"ߞ\u07faߞ", "N'Ko lajanyalan"},
        {u8"한\u302e", "Hangul tone mark"},
        {u8"\u1112\u11ab", "a Hangul syllable without its vowel"},
    };
    EXPECT_REFUSED(rows);
}

static void marks_belong_to_a_letter_and_are_few(void **state) {
    (void)state;
    static const struct refused rows[] = {
        {u8"\u0301", "a mark alone"},
        {u8"\u0301\u0302", "marks alone"},
        {u8"\u0301a", "a mark without a letter"},
        {u8"a-\u0301", "a mark on a hyphen"},
        {u8"a1\u0301", "a mark on a digit"},
        {u8"a\u20dd", "an enclosing mark"},
        {u8"q\u0301\u0301", "the same mark twice"},
        {u8"q\u0301\u0302\u0303\u0304\u0306", "five marks"},
    };
    EXPECT_REFUSED(rows);
    expect_nick(u8"q\u0301\u0302\u0303\u0304", u8"q\u0301\u0302\u0303\u0304");
    expect_nick(u8"q\u0301q\u0301q\u0301q\u0301q\u0301", u8"q\u0301q\u0301q\u0301q\u0301q\u0301");
    expect_nick("Nguyễn", "nguyễn");
    expect_nick("བསྒྲུབས", "བསྒྲུབས");
    expect_nick("မြွှော", "မြွှော");
    expect_nick("ស្ត្រី", "ស្ត្រី");
    expect_nick("שָׁלוֹם", "שָׁלוֹם");
}

static void digits_are_of_one_system(void **state) {
    (void)state;
    static const struct refused rows[] = {
        {"علي1٢", "Arabic-Indic with ASCII"},       {"1٢", "the same without letters"},
        {"علي٢۳", "Arabic-Indic with Persian"},     {"राम1२", "Devanagari with ASCII"},
        {"alice٥", "Arabic-Indic in a Latin name"},
    };
    EXPECT_REFUSED(rows);
    expect_nick("علي٢٣", "علي٢٣");
    expect_nick("علي23", "علي23");
    expect_nick("राम१२", "राम१२");
    expect_nick("alice２3", "alice23");
}

static void a_name_has_a_letter_or_a_digit(void **state) {
    (void)state;
    static const struct refused rows[] = {{"-", ""}, {"_", ""}, {"__", ""}, {"-_-", ""}};
    EXPECT_REFUSED(rows);
    expect_nick("_a_", "_a_");
    expect_nick("-1", "-1");
}

static void signs_of_one_script_stay_in_it(void **state) {
    (void)state;
    static const struct refused rows[] = {
        {u8"al\u30fcice", "a Japanese long vowel in a Latin name"},
        {u8"alice\u0652", "an Arabic vowel sign on a Latin letter"},
        {u8"a\u3099", "a Japanese voicing on a Latin letter"},
    };
    EXPECT_REFUSED(rows);
    expect_nick("タワー", "タワー");
    expect_nick("مُحَمَّد", "مُحَمَّد");
}

static void what_runs_from_right_to_left_has_one_order(void **state) {
    (void)state;
    static const struct refused rows[] = {
        {"1-אב", "shown like אב-1"},    {"1אב", "a digit first"},  {"אב-", "a hyphen last"},
        {"_אב", "an underscore first"}, {"٣علي", "a digit first"},
    };
    EXPECT_REFUSED(rows);
    expect_nick("אב-1", "אב-1");
    expect_nick("שרה", "שרה");
}

static void expect_shown(const char *text, const char *shown) {
    struct name name;
    assert_true(name_nick(wire_text(text), &name));
    assert_string_equal(name.shown, shown);
}

static void width_and_style_are_not_kept(void **state) {
    (void)state;
    expect_shown("Ａｌｉｃｅ－１", "Alice-1");
    expect_shown("ｶﾞﾗｽ", "ガラス");
    expect_shown("𝐀𝓵𝒊𝕔𝚎𝟙", "Alice1");
    expect_shown("ﬁn", "fin");
    expect_shown("ａlice", "alice");
    expect_shown("ſam", "sam");
}

/* Every character there is, as a nick of its own. */
static void a_name_made_of_a_name_is_that_name(void **state) {
    (void)state;
    for (uint32_t character = 1; character < 0x110000; character++) {
        char text[6];
        struct name name;
        struct name again;
        int size = u8_uctomb((uint8_t *)text, character, sizeof text);
        if (size < 0 || !name_nick((struct wire_text){text, (size_t)size}, &name))
            continue;
        if (!name_nick(wire_text(name.shown), &again) || strcmp(name.shown, again.shown) != 0 ||
            strcmp(name.folded, again.folded) != 0)
            fail_msg("U+%04X is shown as '%s', which is another name", character, name.shown);
        if (!name_nick(wire_text(name.folded), &again) || strcmp(name.folded, again.folded) != 0)
            fail_msg("U+%04X folds to '%s', which is another name", character, name.folded);
    }
}

static void a_name_that_grows_when_folded_is_refused_without_a_leak(void **state) {
    (void)state;
    char long_name[NAME_BYTES_MAX + 1];
    struct name name;
    for (size_t i = 0; i + 3 <= NAME_BYTES_MAX; i += 3)
        memcpy(long_name + i, "\xef\xb7\xba", 3); /* one character that folds to eighteen */
    assert_false(name_nick((struct wire_text){long_name, NAME_BYTES_MAX / 3 * 3}, &name));
}

static void a_room_name_begins_with_its_mark(void **state) {
    (void)state;
    struct name name;
    assert_true(name_room(wire_text("#Lobby"), &name));
    assert_string_equal(name.shown, "#Lobby");
    assert_string_equal(name.folded, "#lobby");
    assert_false(name_room(wire_text("lobby"), &name));
    assert_false(name_room(wire_text("#"), &name));
    assert_false(name_room(wire_text("##a"), &name));
    assert_false(name_room(wire_text("#a b"), &name));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_nick_has_letters_and_digits_of_one_script),
        cmocka_unit_test(what_is_no_nick_is_refused),
        cmocka_unit_test(nicks_that_look_alike_fold_alike),
        cmocka_unit_test(nothing_in_a_name_is_invisible),
        cmocka_unit_test(marks_belong_to_a_letter_and_are_few),
        cmocka_unit_test(digits_are_of_one_system),
        cmocka_unit_test(a_name_has_a_letter_or_a_digit),
        cmocka_unit_test(signs_of_one_script_stay_in_it),
        cmocka_unit_test(what_runs_from_right_to_left_has_one_order),
        cmocka_unit_test(width_and_style_are_not_kept),
        cmocka_unit_test(a_name_made_of_a_name_is_that_name),
        cmocka_unit_test(a_name_that_grows_when_folded_is_refused_without_a_leak),
        cmocka_unit_test(a_room_name_begins_with_its_mark),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
