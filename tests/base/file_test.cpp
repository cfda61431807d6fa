#include "base/file.hpp"

#include <doctest/doctest.h>

#include "base/digest.hpp"
#include "base/error.hpp"
#include "support/temporary_folder.hpp"

using namespace shoal;

namespace {

template <class Action>
void check_fails(base::Code code, const std::string& mentions, Action&& action) {
    try {
        action();
        FAIL("nothing thrown");
    } catch (const base::Error& error) {
        CHECK(base::name(error.code()) == base::name(code));
        CHECK(std::string(error.what()).find(mentions) != std::string::npos);
    }
}

}  // namespace

TEST_CASE("files fail with their path and the system's reason") {
    const test::TemporaryFolder folder;
    const auto missing = (folder / "missing").string();
    check_fails(base::Code::not_found, missing, [&] { (void)base::map_file(missing); });
    check_fails(base::Code::not_found, "No such file", [&] { (void)base::read_text(missing); });
    check_fails(base::Code::not_found, missing, [&] { base::replace_file(missing + "/file", "x"); });
    check_fails(base::Code::io, folder.path().string(), [&] { (void)base::map_file(folder.path()); });
    folder.write("file", "in the way");
    check_fails(base::Code::not_found, "file", [&] { (void)base::read_text(folder / "file/below"); });
    check_fails(base::Code::not_found, "file", [&] { base::make_folder(folder / "file/below"); });
}

TEST_CASE("mapped bytes outlive everything but their owner") {
    const test::TemporaryFolder folder;
    base::replace_file(folder / "file", "hello");
    const auto bytes = base::map_file(folder / "file");
    std::filesystem::remove(folder / "file");
    CHECK(base::Digest::of(bytes.view()) == base::Digest::of("hello"));
    base::replace_file(folder / "empty", "");
    CHECK(base::map_file(folder / "empty").empty());
}

TEST_CASE("a folder that others may write to is refused") {
    const test::TemporaryFolder folder;
    base::make_private_folder(folder / "mine");
    CHECK_NOTHROW(base::make_private_folder(folder / "mine"));
    std::filesystem::create_directory(folder / "open");
    std::filesystem::permissions(folder / "open", std::filesystem::perms::all);
    check_fails(base::Code::refused, "open", [&] { base::make_private_folder(folder / "open"); });
}
