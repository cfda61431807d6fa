#include "transport/allow_watch.hpp"

#include <doctest/doctest.h>

#include "support/temporary_folder.hpp"

using namespace shoal;
using namespace shoal::transport;

TEST_CASE("keys that come are let in, keys that go are not, and a list that cannot be read changes nothing") {
    const test::TemporaryFolder folder;
    const Keys first = Keys::generate(), second = Keys::generate();
    folder.write("allowed", first.public_key().text() + " first\n");
    const auto list = std::make_shared<AllowList>();
    const auto look = [&] { return AllowWatch({folder / "allowed"}, list).look(); };  // without its pause
    CHECK(look().empty());
    CHECK(list->name(first.public_key()) == "first");
    folder.write("allowed", second.public_key().text() + "\n");
    CHECK(look().empty());
    CHECK(!list->contains(first.public_key()));
    CHECK(list->contains(second.public_key()));
    folder.write("allowed", "no key\n");
    const auto problems = look();
    REQUIRE(problems.size() == 1);
    CHECK(problems[0].find("stays as it was") != std::string::npos);
    CHECK(list->contains(second.public_key()));
}

TEST_CASE("the list is looked at once in a while") {
    const test::TemporaryFolder folder;
    folder.write("allowed", "");
    const auto list = std::make_shared<AllowList>();
    AllowWatch watch({folder / "allowed"}, list);
    CHECK(watch.look().empty());
    folder.write("allowed", Keys::generate().public_key().text() + "\n");
    CHECK(watch.look().empty());
    CHECK(list->size() == 0);
    CHECK(AllowWatch({folder / "allowed"}, nullptr).look().empty());
}
