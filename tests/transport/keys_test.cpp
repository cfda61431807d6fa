#include "transport/keys.hpp"

#include <doctest/doctest.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <fstream>
#include <optional>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "base/file.hpp"
#include "base/log.hpp"
#include "support/temporary_folder.hpp"

namespace {

using namespace shoal;
using transport::AllowList;
using transport::Keys;
using transport::PublicKey;
namespace fs = std::filesystem;

std::string read(const fs::path& path) {
    return base::read_text(path);
}
void write(const fs::path& path, const std::string& text) {
    std::ofstream(path) << text;
}

template <class Call>
base::Error error_of(Call&& call) {
    try {
        call();
    } catch (const base::Error& error) {
        return error;
    }
    FAIL("no error");
    return base::Error(base::Code::internal, "");
}

TEST_CASE("keys are saved, private, and loaded again") {
    const test::TemporaryFolder folder;
    const Keys keys = Keys::generate();
    keys.save(folder / "board");
    struct stat status {};
    REQUIRE(::stat((folder / "board.key").c_str(), &status) == 0);
    CHECK((status.st_mode & 0777) == 0600);
    CHECK(read(folder / "board.key") == keys.secret_text() + "\n");
    CHECK(read(folder / "board.pub") == keys.public_key().text() + "\n");
    CHECK(keys.public_key().text().size() == 40);
    CHECK(Keys::load(folder / "board").public_key() == keys.public_key());
    CHECK(Keys::load(folder / "board.key").secret_text() == keys.secret_text());
    CHECK(PublicKey::load(folder / "board.pub") == keys.public_key());
    CHECK(Keys::generate().public_key() != keys.public_key());
}

TEST_CASE("damaged, open, missing and mismatched key files are refused with their names") {
    const test::TemporaryFolder folder;
    const Keys keys = Keys::generate(), other = Keys::generate();
    keys.save(folder / "board");
    const auto refused = [&](base::Code code, const char* name) {
        const auto error = error_of([&] { static_cast<void>(Keys::load(folder / "board")); });
        CHECK(error.code() == code);
        CHECK(std::string(error.what()).find(name) != std::string::npos);
        CHECK(std::string(error.what()).find(keys.secret_text()) == std::string::npos);
    };
    CHECK(error_of([&] { keys.save(folder / "board"); }).code() == base::Code::refused);

    fs::permissions(folder / "board.key", fs::perms::group_read, fs::perm_options::add);
    refused(base::Code::refused, "chmod 600");
    fs::permissions(folder / "board.key", fs::perms::owner_read | fs::perms::owner_write);

    write(folder / "board.pub", other.public_key().text());
    refused(base::Code::invalid_argument, "board.pub");
    fs::remove(folder / "board.pub");
    refused(base::Code::not_found, "board.pub");
    write(folder / "board.pub", keys.public_key().text().substr(1));
    refused(base::Code::invalid_argument, "board.pub");
    write(folder / "board.pub", keys.public_key().text());

    for (const std::string& text : {std::string(), keys.secret_text().substr(0, 39), keys.secret_text() + "x",
                                    std::string(40, '~'), std::string(40, '\0'), std::string(100'000, 'a')}) {
        write(folder / "board.key", text);
        refused(base::Code::invalid_argument, "board.key");
    }
    fs::remove(folder / "board.key");
    refused(base::Code::not_found, "keygen");
}

TEST_CASE("a secret that stands alone gets its public half back") {
    const test::TemporaryFolder folder;
    CHECK(!Keys::complete(folder / "board"));
    const Keys keys = Keys::generate();
    keys.save(folder / "board");
    CHECK(!Keys::complete(folder / "board"));
    fs::remove(folder / "board.pub");
    const auto completed = Keys::complete(folder / "board");
    REQUIRE(completed.has_value());
    CHECK(completed->public_key() == keys.public_key());
    CHECK(Keys::load(folder / "board").secret_text() == keys.secret_text());
    fs::remove(folder / "board.key");
    CHECK(!Keys::complete(folder / "board"));
    CHECK(!fs::exists(folder / "board.key"));
}

TEST_CASE("public keys are compared and parsed strictly") {
    const auto key = Keys::generate().public_key();
    CHECK(PublicKey::parse(key.text()) == key);
    for (const std::string& wrong : {std::string(), key.text() + " ", key.text().substr(0, 35), std::string(40, '"')})
        CHECK_THROWS_AS(static_cast<void>(PublicKey::parse(wrong)), base::Error);
}

TEST_CASE("an allow-list is read from files and folders, and tells its changes") {
    const test::TemporaryFolder folder;
    const Keys a = Keys::generate(), b = Keys::generate(), c = Keys::generate();
    AllowList list;
    CHECK_FALSE(list.contains(a.public_key()));
    const auto before = list.version();
    list.add(a.public_key(), "a");
    CHECK(list.version() != before);
    CHECK(list.contains(a.public_key()));
    CHECK(list.name(a.public_key()) == "a");
    CHECK(list.name(b.public_key()).empty());
    const auto added = list.version();
    list.remove(b.public_key());
    CHECK(list.version() == added);
    list.remove(a.public_key());
    CHECK_FALSE(list.contains(a.public_key()));

    write(folder / "list",
          "# boards of the lab\n\n" + a.public_key().text() + " left shelf\r\n  " + b.public_key().text() + "\n#\n");
    list.load(folder / "list");
    CHECK(list.size() == 2);
    CHECK(list.name(a.public_key()) == "left shelf");
    c.save(folder / "c");
    list.load(folder.path());
    CHECK(list.name(c.public_key()) == "c");
    write(folder / "list", a.public_key().text() + "\nnonsense\n");
    CHECK(std::string(error_of([&] { list.load(folder / "list"); }).what()).find("line 2") != std::string::npos);
    CHECK(error_of([&] { list.load(folder / "none"); }).code() == base::Code::not_found);
}

TEST_CASE("a bad file of a folder keeps nobody else out, and is told") {
    const test::TemporaryFolder folder;
    const Keys a = Keys::generate();
    a.save(folder / "a");
    fs::remove(folder / "a.key");
    write(folder / "table.pub", "public key  " + a.public_key().text() + "\nsecret      table.key\n");
    fs::create_directory(folder / "folder.pub");
    fs::create_symlink("nowhere", folder / "gone.pub");
    AllowList list;
    std::vector<std::string> left_out, logged;
    list.load(folder.path(), left_out);
    CHECK(list.size() == 1);
    CHECK(list.contains(a.public_key()));
    REQUIRE(left_out.size() == 3);
    for (std::size_t i = 0; const char* name : {"folder.pub", "gone.pub", "table.pub"})
        CHECK(left_out[i++].find((folder / name).string()) != std::string::npos);

    base::set_log_sink([&](base::LogLevel level, std::string_view, std::string_view message) {
        if (level == base::LogLevel::warning) logged.emplace_back(message);
    });
    list.load(folder.path());
    base::set_log_sink({});
    CHECK(logged == left_out);

    fs::remove(folder / "a.pub");
    const auto error = error_of([&] { list.load(folder.path()); });
    CHECK(error.code() == base::Code::invalid_argument);
    CHECK(std::string(error.what()).find("folder.pub") != std::string::npos);
    // Who names a file means that file.
    CHECK(error_of([&] { list.load(folder / "table.pub"); }).code() == base::Code::invalid_argument);
}

TEST_CASE("a list that can be read only once is no list") {
    const test::TemporaryFolder folder;
    REQUIRE(::mkfifo((folder / "pipe").c_str(), 0600) == 0);
    AllowList list;
    CHECK(std::string(error_of([&] { list.load(folder / "pipe"); }).what()).find("pipe") != std::string::npos);
}

// No file can be opened while one of these lives; to root nothing else is forbidden.
class NoMoreFiles {
public:
    NoMoreFiles() {
        REQUIRE(::getrlimit(RLIMIT_NOFILE, &before_) == 0);
        rlimit none = before_;
        none.rlim_cur = 0;
        REQUIRE(::setrlimit(RLIMIT_NOFILE, &none) == 0);
    }
    ~NoMoreFiles() { ::setrlimit(RLIMIT_NOFILE, &before_); }
    NoMoreFiles(const NoMoreFiles&) = delete;
    NoMoreFiles& operator=(const NoMoreFiles&) = delete;

private:
    rlimit before_{};
};

}  // namespace

TEST_CASE("a folder that cannot be listed for a moment is an error that names it, as every other is") {
    const test::TemporaryFolder folder;
    Keys::generate().save(folder / "a");
    AllowList list;
    std::optional<base::Error> error;
    {
        const NoMoreFiles none;
        try {
            list.load(folder.path());
        } catch (const base::Error& own) {
            error = own;
        }
    }
    REQUIRE(error.has_value());
    CHECK(error->code() == base::Code::io);
    CHECK(std::string(error->what()).find(folder.path().string()) != std::string::npos);
    CHECK(list.size() == 0);
    list.load(folder.path());
    CHECK(list.size() == 1);
}

TEST_CASE("an allow-list becomes another, and tells it only when something changed") {
    AllowList list, other;
    const auto a = Keys::generate().public_key(), b = Keys::generate().public_key();
    list.add(a, "a");
    other.add(b, "b");
    const auto before = list.version();
    list.become(other);
    CHECK(list.version() > before);
    CHECK(!list.contains(a));
    CHECK(list.name(b) == "b");
    const auto after = list.version();
    list.become(other);
    list.become(list);
    CHECK(list.version() == after);
}
