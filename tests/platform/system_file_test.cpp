#include "platform/system_file.hpp"

#include <doctest/doctest.h>

#include "support/temporary_folder.hpp"

using namespace shoal;

TEST_CASE("lines and numbers of system files") {
    const test::TemporaryFolder root;
    root.write("line", "  some text \nmore\n");
    root.write("zero", std::string("model\0", 6));
    root.write("empty", "");
    root.write("blank", " \n");
    root.write("number", "18446744073709551615\n");
    root.write("large", "18446744073709551616\n");
    root.write("max", "max\n");
    root.write("minus", "-273\n");
    CHECK(platform::read_system_line(root / "line") == "some text");
    CHECK(platform::read_system_line(root / "zero") == "model");
    CHECK(!platform::read_system_line(root / "empty"));
    CHECK(!platform::read_system_line(root / "blank"));
    CHECK(!platform::read_system_line(root / "none"));
    CHECK(!platform::read_system_line(root.path()));
    CHECK(platform::read_system_number(root / "number") == UINT64_MAX);
    CHECK(!platform::read_system_number(root / "large"));
    CHECK(!platform::read_system_number(root / "max"));
    CHECK(!platform::read_system_number(root / "minus"));
    CHECK(platform::read_system_signed(root / "minus") == -273);
    CHECK(platform::read_system_file("/proc/self/status"));  // says that it has no bytes
}

TEST_CASE("a file without end is read up to a limit") {
    const auto text = platform::read_system_file("/dev/zero");
    REQUIRE(text);
    CHECK(text->size() <= (1 << 20) + 4096);
}

TEST_CASE("values behind keys") {
    const std::string text = "MemTotal:  17 kB\nMemTotalHuge: 3\nkey=\"a b\" \nalone\nsome avg10=1\n";
    CHECK(platform::number_after(text, "MemTotal") == 17);
    CHECK(platform::number_after(text, "MemTotalHuge") == 3);
    CHECK(!platform::number_after(text, "Mem"));
    CHECK(!platform::number_after(text, "key"));
    CHECK(platform::text_after(text, "key") == "\"a b\"");
    CHECK(platform::text_after(text, "some") == "avg10=1");
    CHECK(platform::text_after(text, "alone") == "");
    CHECK(!platform::text_after(text, "absent"));
    CHECK(!platform::text_after("", "x"));
}

TEST_CASE("lists of cores") {
    using Ints = std::vector<int>;
    CHECK(platform::parse_list("0-3,7\n") == Ints{0, 1, 2, 3, 7});
    CHECK(platform::parse_list("5") == Ints{5});
    CHECK(platform::parse_list("").empty());
    for (const char* bad : {"x", "3-1", "-1", "0-", "1,,2", "0-999999999", "0-4000,0-4000", "1-2-"}) {
        CAPTURE(bad);
        CHECK(platform::parse_list(bad).size() <= 2);
    }
    CHECK(platform::parse_list("3-1").empty());
    CHECK(platform::parse_list("0-999999999").empty());
}

TEST_CASE("names with numbers are sorted by number") {
    const test::TemporaryFolder root;
    for (const char* name : {"cpu10", "cpu2", "cpufreq", "cpu0", "a7"})
        root.write(name, "");
    CHECK(platform::list_folder(root.path()) == std::vector<std::string>{"a7", "cpu0", "cpu2", "cpu10", "cpufreq"});
    CHECK(platform::list_folder(root / "none").empty());
}
