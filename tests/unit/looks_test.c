#include "test.h"
#include "looks.h"

#include <unistr.h>
#include <unicode/uclean.h>

/* Of people who may meet. */
static const char *const first_names[] = {
    "Aaron",    "Abigail",  "Adam",      "Adrian",    "Agnes",     "Aisha",      "Alan",
    "Albert",   "Alex",     "Alice",     "Alina",     "Amanda",    "Amelia",     "Amir",
    "Amy",      "Ana",      "Andrea",    "Andrew",    "Angela",    "Anita",      "Anna",
    "Anne",     "Anthony",  "Antonio",   "Arthur",    "Astrid",    "Barbara",    "Beatrice",
    "Ben",      "Bernard",  "Bianca",    "Bill",      "Bob",       "Boris",      "Brenda",
    "Brian",    "Bruno",    "Camille",   "Carl",      "Carla",     "Carlos",     "Carmen",
    "Carol",    "Caroline", "Catherine", "Cecilia",   "Celia",     "Charles",    "Charlotte",
    "Chen",     "Chloe",    "Chris",     "Christina", "Clara",     "Claire",     "Clement",
    "Colin",    "Cora",     "Craig",     "Cynthia",   "Daniel",    "Daniela",    "Dave",
    "David",    "Deborah",  "Delia",     "Della",     "Denis",     "Diana",      "Diego",
    "Dmitri",   "Dora",     "Dorothy",   "Edgar",     "Edith",     "Edward",     "Elena",
    "Eli",      "Elias",    "Elisa",     "Ella",      "Ellen",     "Elliot",     "Emil",
    "Emilia",   "Emily",    "Emma",      "Enzo",      "Eric",      "Erika",      "Esther",
    "Ethan",    "Eva",      "Evelyn",    "Fatima",    "Felix",     "Fiona",      "Florence",
    "Francis",  "Frank",    "Frieda",    "Gabriel",   "George",    "Gerald",     "Gina",
    "Gloria",   "Grace",    "Greta",     "Hanna",     "Hannah",    "Harold",     "Harry",
    "Hassan",   "Heidi",    "Helen",     "Henry",     "Hugo",      "Ian",        "Ibrahim",
    "Ida",      "Igor",     "Ilia",      "Ines",      "Ingrid",    "Irene",      "Iris",
    "Isaac",    "Isabel",   "Ivan",      "Jack",      "Jacob",     "James",      "Jane",
    "Janet",    "Jason",    "Jean",      "Jenny",     "Jill",      "Jim",        "Joan",
    "Joe",      "Johan",    "John",      "Jonas",     "Jose",      "Joseph",     "Joshua",
    "Juan",     "Judith",   "Julia",     "Julian",    "Karen",     "Karim",      "Karl",
    "Kate",     "Keith",    "Kenneth",   "Kevin",     "Kim",       "Klaus",      "Larry",
    "Laura",    "Lea",      "Lena",      "Leo",       "Leon",      "Leonard",    "Liam",
    "Lila",     "Lili",     "Lilly",     "Lily",      "Linda",     "Lisa",       "Liv",
    "Lola",     "Lou",      "Louis",     "Louise",    "Lucas",     "Lucia",      "Lucy",
    "Luis",     "Luke",     "Lydia",     "Magda",     "Marc",      "Marcel",     "Marco",
    "Margaret", "Maria",    "Marie",     "Mario",     "Mark",      "Marta",      "Martin",
    "Mary",     "Mateo",    "Matthew",   "Maya",      "Megan",     "Mei",        "Mia",
    "Michael",  "Mila",     "Milla",     "Milo",      "Mina",      "Mohamed",    "Molly",
    "Mona",     "Monica",   "Nadia",     "Nancy",     "Naomi",     "Natalie",    "Nathan",
    "Neil",     "Nick",     "Nicole",    "Nina",      "Noah",      "Nora",       "Olga",
    "Oliver",   "Olivia",   "Omar",      "Oscar",     "Otto",      "Pablo",      "Pamela",
    "Patricia", "Patrick",  "Paul",      "Paula",     "Pedro",     "Peter",      "Philip",
    "Pierre",   "Rachel",   "Ralph",     "Raul",      "Rebecca",   "Rene",       "Richard",
    "Rita",     "Robert",   "Robin",     "Roger",     "Roland",    "Rosa",       "Rose",
    "Ruth",     "Ryan",     "Sally",     "Sam",       "Samira",    "Samuel",     "Sandra",
    "Sara",     "Sarah",    "Scott",     "Sean",      "Sergei",    "Simon",      "Sofia",
    "Sonia",    "Sophie",   "Stella",    "Stephen",   "Steve",     "Susan",      "Sven",
    "Sylvia",   "Tanya",    "Tara",      "Teresa",    "Theo",      "Thomas",     "Tia",
    "Tim",      "Tina",     "Tobias",    "Tom",       "Tony",      "Ursula",     "Valerie",
    "Vera",     "Victor",   "Viktoria",  "Vincent",   "Viola",     "Walter",     "Wanda",
    "Wendy",    "Will",     "William",   "Wolfgang",  "Xavier",    "Yasmin",     "Yuki",
    "Yusuf",    "Yvonne",   "Zara",      "Zoe",       "Александр", "Алексей",    "Анна",
    "Борис",    "Вера",     "Виктор",    "Галина",    "Дмитрий",   "Елена",      "Иван",
    "Игорь",    "Ирина",    "Кирилл",    "Ксения",    "Лев",       "Мария",      "Михаил",
    "Надежда",  "Никита",   "Олег",      "Ольга",     "Павел",     "Пётр",       "Роман",
    "Светлана", "Сергей",   "Татьяна",   "Юлия",      "Яна",       "Αλέξανδρος", "Βασίλης",
    "Γιώργος",  "Δημήτρης", "Ελένη",     "Ιωάννης",   "Κώστας",    "Μαρία",      "Νίκος",
    "Σοφία",    "أحمد",     "محمد",      "فاطمة",     "علي",       "خالد",       "דוד",
    "שרה",      "יעקב",     "רחל",       "राम",       "सीता",      "अर्जुन",       "สมชาย",
    "น้ำ",       "明",       "小明",      "太郎",      "花子",      "さくら",     "サクラ",
    "민수",     "지영",
};
static const char *const additions[] = {"", "_", "-work", "-home", "2", "77", "_bot", "-lab", "X"};

enum {
    FIRST_NAMES = sizeof first_names / sizeof *first_names,
    ADDITIONS = sizeof additions / sizeof *additions,
    NICKS_MAX = FIRST_NAMES * ADDITIONS,
};

static bool memory_fails;
static size_t allocations_left;

static bool may_allocate(void) {
    return !memory_fails || (allocations_left > 0 && allocations_left-- > 0);
}

static void *allocate(const void *context, size_t size) {
    (void)context;
    return may_allocate() ? malloc(size) : NULL;
}

static void *reallocate(const void *context, void *memory, size_t size) {
    (void)context;
    return may_allocate() ? realloc(memory, size) : NULL;
}

static void release(const void *context, void *memory) {
    (void)context;
    free(memory);
}

/* Before anything else of ICU is used. */
static int watch_memory(void **state) {
    (void)state;
    UErrorCode status = U_ZERO_ERROR;
    u_setMemoryFunctions(NULL, allocate, reallocate, release, &status);
    return U_FAILURE(status) ? -1 : 0;
}

static int open_looks(void **state) {
    const char *reason;
    *state = looks_open(&reason);
    return *state == NULL ? -1 : 0;
}

static int close_looks(void **state) {
    looks_close(*state);
    return 0;
}

static void find_keys(struct looks *looks, const char *text, struct looks_keys *keys) {
    struct name name;
    bool valid =
        text[0] == '#' ? name_room(wire_text(text), &name) : name_nick(wire_text(text), &name);
    if (!valid || !looks_find_keys(looks, &name, keys))
        fail_msg("'%s' should be a name and have keys", text);
}

static bool share_key(const struct looks_keys *a, const struct looks_keys *b) {
    for (size_t i = 0; i < a->count; i++)
        for (size_t j = 0; j < b->count; j++)
            if (strcmp(a->keys[i], b->keys[j]) == 0)
                return true;
    return false;
}

static bool look_alike(struct looks *looks, const char *a, const char *b) {
    struct looks_keys first;
    struct looks_keys second;
    find_keys(looks, a, &first);
    find_keys(looks, b, &second);
    return share_key(&first, &second);
}

static void an_imitation_looks_like_its_model(void **state) {
    static const char *const rows[][2] = {
        {"alice", "ALICE"},
        {"alice", "aIice"},
        {"alice", "AIice"},
        {"alice", "a1ice"},
        {"alice", "AL1CE"},
        {"alice", "ALlCE"},
        {"alice", "ａｌｉｃｅ"},
        {"alice", "𝐚𝐥𝐢𝐜𝐞"},
        {"alice", u8"ali\u0307ce"},
        {"alice", u8"al\u0131\u0307ce"},
        {"alice", "alıce"},
        {"alice", "ɑlice"},
        {"ALICE", "AL1CE"},
        {"Delia", "DELlA"},
        {"iris", "Iris"},
        {"bob", "b0b"},
        {"BOB", "b0b"},
        {"Oscar", "0scar"},
        {"user10", "userlO"},
        {"bill", "bi11"},
        {"bill", "biII"},
        {"paypa", "раура"},
        {"PAYPA", "РАУРА"},
        {"Paypa", "РАУРА"},
        {"cocoa", "сосоа"},
        {"ace", "асе"},
        {"kate", "КАТЕ"},
        {"TOM", "ТОМ"},
        {"anna", "ΑΝΝΑ"},
        {"oo", "σς"},
        {"barn", "bam"},
        {"barn", "BAM"},
        {"istanbul", "İSTANBUL"},
        {"é", u8"e\u0301"},
        {"Л1ТО", "літо"},
        {"#lobby", "#Iobby"},
        {"#lobby", "#l0bby"},
        {"#paypa", "#раура"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (!look_alike(*state, rows[i][0], rows[i][1]))
            fail_msg("'%s' should look like '%s'", rows[i][1], rows[i][0]);
}

static void honest_names_do_not_look_alike(void **state) {
    static const char *const rows[][2] = {
        {"Al", "Ai"},     {"Delia", "Della"}, {"Mila", "Milla"},   {"jose", "josé"},
        {"anna", "анна"}, {"vera", "вера"},   {"alice", "alice2"}, {"alice", "alice_"},
        {"a-b", "a_b"},   {"ivan", "iven"},   {"Мария", "Марина"}, {"#dev", "#devs"},
        {"太郎", "大郎"}, {"vv", "w"},        {"أحمد", "محمد"},    {"user1", "user2"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (look_alike(*state, rows[i][0], rows[i][1]))
            fail_msg("'%s' should not look like '%s'", rows[i][1], rows[i][0]);
}

struct nick_key {
    const char *key, *nick;
};

static int compare_keys(const void *a, const void *b) {
    return strcmp(((const struct nick_key *)a)->key, ((const struct nick_key *)b)->key);
}

static size_t add_keys(struct looks *looks, const char *nick, struct nick_key *all, size_t count) {
    struct looks_keys keys;
    find_keys(looks, nick, &keys);
    char *owned = strdup(nick);
    for (size_t i = 0; i < keys.count; i++)
        all[count++] = (struct nick_key){strdup(keys.keys[i]), owned};
    return count;
}

static size_t add_first_name(struct looks *looks, const char *first, struct nick_key *all,
                             size_t count) {
    for (size_t i = 0; i < ADDITIONS; i++) {
        char nick[NAME_BYTES_MAX];
        struct name name;
        snprintf(nick, sizeof nick, "%s%s", first, additions[i]);
        if (name_nick(wire_text(nick), &name))
            count = add_keys(looks, nick, all, count);
    }
    return count;
}

static void of_three_thousand_nicks_no_two_look_alike(void **state) {
    static struct nick_key all[NICKS_MAX * LOOKS_KEYS_MAX];
    size_t count = 0;
    for (size_t i = 0; i < FIRST_NAMES; i++)
        count = add_first_name(*state, first_names[i], all, count);
    assert_true(count > 3000);
    qsort(all, count, sizeof *all, compare_keys);
    for (size_t i = 1; i < count; i++)
        if (strcmp(all[i - 1].key, all[i].key) == 0 && all[i - 1].nick != all[i].nick)
            fail_msg("'%s' should not look like '%s'", all[i].nick, all[i - 1].nick);
}

static void a_key_of_each_character_leaves_room_for_all_of_a_name(void **state) {
    for (uint32_t character = 1; character < 0x110000; character++) {
        uint8_t text[6];
        struct name name;
        struct looks_keys keys;
        int size = u8_uctomb(text, character, sizeof text);
        if (size < 0 || !name_nick((struct wire_text){(char *)text, (size_t)size}, &name))
            continue;
        if (!looks_find_keys(*state, &name, &keys))
            fail_msg("U+%04X should have keys", character);
        for (size_t i = 0; i < keys.count; i++)
            if (strlen(keys.keys[i]) > LOOKS_KEY_BYTES_MAX / NAME_CHARACTERS_MAX)
                fail_msg("U+%04X should have a shorter key than '%s'", character, keys.keys[i]);
    }
}

static void without_memory_a_name_has_all_its_keys_or_none(void **state) {
    static const char long_name[] = "αβγδεζηθικλμνξοπρστυφχψωαβγδεζηθ";
    struct name name;
    struct looks_keys expected;
    struct looks_keys keys;
    bool failed = false;
    assert_true(name_nick(wire_text(long_name), &name));
    find_keys(*state, long_name, &expected);
    for (size_t allowed = 0; allowed < 20; allowed++) {
        memory_fails = true;
        allocations_left = allowed;
        bool found = looks_find_keys(*state, &name, &keys);
        memory_fails = false;
        failed = failed || !found;
        if (found && (keys.count != expected.count || !share_key(&keys, &expected)))
            fail_msg("with %zu allocations there are other keys", allowed);
    }
    assert_true(failed);
}

/* Comes last: ICU remembers a table that could not be opened. */
static void without_memory_it_cannot_be_opened(void **state) {
    (void)state;
    const char *reason = NULL;
    memory_fails = true;
    allocations_left = 0;
    struct looks *looks = looks_open(&reason);
    memory_fails = false;
    assert_null(looks);
    assert_non_null(reason);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_imitation_looks_like_its_model, open_looks, close_looks),
        cmocka_unit_test_setup_teardown(honest_names_do_not_look_alike, open_looks, close_looks),
        cmocka_unit_test_setup_teardown(of_three_thousand_nicks_no_two_look_alike, open_looks,
                                        close_looks),
        cmocka_unit_test_setup_teardown(a_key_of_each_character_leaves_room_for_all_of_a_name,
                                        open_looks, close_looks),
        cmocka_unit_test_setup_teardown(without_memory_a_name_has_all_its_keys_or_none, open_looks,
                                        close_looks),
        cmocka_unit_test(without_memory_it_cannot_be_opened),
    };
    return cmocka_run_group_tests(tests, watch_memory, NULL);
}
