#include "platform/files.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <system_error>
#include <thread>

#include "support/temporary_folder.hpp"

using namespace shoal;

namespace {

namespace fs = std::filesystem;

unsigned mode_of(const fs::path& path) {
    struct stat status {};
    REQUIRE(::stat(path.c_str(), &status) == 0);
    return status.st_mode & 0777U;
}

}  // namespace

TEST_CASE("a file is replaced as a whole and read back") {
    const test::TemporaryFolder folder;
    for (const std::size_t size : {0, 1, 13, 4096, 100003}) {
        const std::string text(size, 'a' + static_cast<char>(size % 26));
        platform::replace_file(folder / "file", text);
        CHECK(platform::read_text(folder / "file") == text);
        CHECK(platform::map_file(folder / "file").bytes.size() == size);
    }
    int files = 0;
    for (const auto& item : fs::directory_iterator(folder.path()))
        files += item.exists();
    CHECK(files == 1);  // no temporaries stay behind
}

TEST_CASE("a mapping outlives the replacement of its file") {
    const test::TemporaryFolder folder;
    platform::replace_file(folder / "file", std::string(10000, 'a'));
    const auto old = platform::map_file(folder / "file");
    platform::replace_file(folder / "file", "b");
    CHECK(std::to_integer<char>(old.bytes[9999]) == 'a');
}

TEST_CASE("readers of a file under replacement see one version or the other") {
    const test::TemporaryFolder folder;
    const std::string a(5000, 'a'), b(7000, 'b');
    platform::replace_file(folder / "file", a);
    std::thread writer([&] {
        for (int i = 0; i < 50; ++i)
            platform::replace_file(folder / "file", i % 2 == 0 ? b : a);
    });
    for (int i = 0; i < 500; ++i) {
        const auto text = platform::read_text(folder / "file");
        CHECK((text == a || text == b));
    }
    writer.join();
}

TEST_CASE("what is secret is the owner's from the start") {
    const test::TemporaryFolder folder;
    platform::replace_file(folder / "key", "secret", true);
    CHECK(mode_of(folder / "key") == 0600);
}

TEST_CASE("errors name the path") {
    const test::TemporaryFolder folder;
    const auto missing = (folder / "none/file").string();
    CHECK_THROWS_AS((void)platform::map_file(missing), std::system_error);
    CHECK_THROWS_WITH((void)platform::map_file(missing),
                      ("cannot open '" + missing + "': No such file or directory").c_str());
    CHECK_THROWS_AS(platform::replace_file(missing, "x"), std::system_error);
    CHECK_THROWS_AS((void)platform::map_file(folder.path()), std::system_error);
}

TEST_CASE("what states no size is read to its end") {
    const test::TemporaryFolder folder;
    const std::string pipe = (folder / "pipe").string(), text(100003, 'x');
    REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
    for (const std::string& content : {std::string(), std::string("hub = \"here\"\n"), text}) {
        std::thread writer([&] {
            const int file = ::open(pipe.c_str(), O_WRONLY | O_CLOEXEC);
            for (std::size_t at = 0; at < content.size();) {
                const ssize_t count = ::write(file, content.data() + at, content.size() - at);
                if (count <= 0) break;
                at += static_cast<std::size_t>(count);
            }
            ::close(file);
        });
        CHECK(platform::read_text(pipe) == content);
        writer.join();
    }
    CHECK(platform::read_text("/proc/self/status").find("Pid:") != std::string::npos);
    CHECK_THROWS_WITH((void)platform::read_text("/dev/zero"), "cannot read '/dev/zero': File too large");
    CHECK_THROWS_AS((void)platform::read_text(folder.path()), std::system_error);
}

TEST_CASE("a private folder is this user's alone") {
    const test::TemporaryFolder folder;
    CHECK(platform::make_private_folder(folder / "a/b"));
    CHECK(mode_of(folder / "a/b") == 0700);
    CHECK(platform::make_private_folder(folder / "a/b"));
    fs::permissions(folder / "a/b", fs::perms(0770));
    CHECK(!platform::make_private_folder(folder / "a/b"));
    folder.write("file", "");
    CHECK_THROWS_AS((void)platform::make_private_folder(folder / "file"), std::system_error);
    if (::geteuid() == 0) {
        REQUIRE(::chown((folder / "a").c_str(), 12345, 12345) == 0);
        CHECK(!platform::make_private_folder(folder / "a"));
    }
}

TEST_CASE("the cache's folder by the environment") {
    const char* old = std::getenv("SHOAL_CACHE");
    const std::string kept = old != nullptr ? old : "";
    ::setenv("SHOAL_CACHE", "/somewhere/else", 1);
    CHECK(platform::cache_folder() == "/somewhere/else");
    ::unsetenv("SHOAL_CACHE");
    CHECK(platform::cache_folder().filename().string().rfind("shoal", 0) == 0);
    if (old != nullptr) ::setenv("SHOAL_CACHE", kept.c_str(), 1);
}
