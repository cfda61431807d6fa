#include "opencl/icd.hpp"

#include <doctest/doctest.h>

#include <cstdlib>
#include <optional>

#include "opencl/driver_stamp.hpp"
#include "support/temporary_folder.hpp"

using namespace shoal;
using opencl::Icd;

namespace {

// Sets a variable for as long as it lives.
class Environment {
public:
    Environment(const char* name, const std::string& value) : name_(name) {
        if (const char* old = std::getenv(name)) old_ = old;
        ::setenv(name, value.c_str(), 1);
    }
    ~Environment() {
        if (old_)
            ::setenv(name_, old_->c_str(), 1);
        else
            ::unsetenv(name_);
    }
    Environment(const Environment&) = delete;
    Environment& operator=(const Environment&) = delete;

private:
    const char* name_;
    std::optional<std::string> old_;
};

}  // namespace

TEST_CASE("registrations are read as the loaders read them") {
    const test::TemporaryFolder folder;
    folder.write("vendors/b.icd", "  libb.so.1 \nsecond line\n");
    folder.write("vendors/a.icd", "/opt/liba.so");
    folder.write("vendors/readme.txt", "libc.so");
    const Icd a{folder / "vendors/a.icd", "/opt/liba.so"}, b{folder / "vendors/b.icd", "libb.so.1"};

    SUBCASE("a folder") {
        const Environment vendors("OCL_ICD_VENDORS", (folder / "vendors").string());
        CHECK(opencl::registered_icds() == std::vector<Icd>{a, b});
    }
    SUBCASE("the older name of the variable, and a file in that folder") {
        const Environment path("OPENCL_VENDOR_PATH", (folder / "vendors").string());
        const Environment none("OCL_ICD_VENDORS", "");
        CHECK(opencl::registered_icds() == std::vector<Icd>{a, b});
        const Environment one("OCL_ICD_VENDORS", "b.icd");
        CHECK(opencl::registered_icds() == std::vector<Icd>{b});
    }
    SUBCASE("one file, one library, a list of libraries") {
        const Environment one("OCL_ICD_VENDORS", a.file.string());
        CHECK(opencl::registered_icds() == std::vector<Icd>{a});
        const Environment library("OCL_ICD_VENDORS", "libx.so");
        CHECK(opencl::registered_icds() == std::vector<Icd>{{{}, "libx.so"}});
        const Environment list("OCL_ICD_FILENAMES", "liby.so::/z/libz.so:");
        CHECK(opencl::registered_icds() == std::vector<Icd>{{{}, "liby.so"}, {{}, "/z/libz.so"}, {{}, "libx.so"}});
    }
    SUBCASE("a folder made for some of them reads back") {
        const auto made = opencl::vendor_folder(folder / "cache", {b});
        const Environment vendors("OCL_ICD_VENDORS", made.string());
        const auto icds = opencl::registered_icds();
        REQUIRE(icds.size() == 1);
        CHECK(icds[0].library == "libb.so.1");
        CHECK(opencl::vendor_folder(folder / "cache", {b}) == made);
        CHECK(opencl::vendor_folder(folder / "cache", {a}) != made);
    }
}

TEST_CASE("health is remembered for the same files only") {
    const test::TemporaryFolder folder;
    folder.write("liba.so", "code");
    folder.write("libb.so", "more code");
    const std::vector<Icd> icds{{"/etc/a.icd", "liba.so"}, {"/etc/b.icd", "libb.so"}};
    const auto stamps = folder / "stamps";
    CHECK(!opencl::found_healthy(stamps, icds));
    opencl::remember_healthy(stamps, icds, {(folder / "liba.so").string(), (folder / "libb.so").string()});
    CHECK(opencl::found_healthy(stamps, icds));
    SUBCASE("another driver") {
        CHECK(!opencl::found_healthy(stamps, {icds[0]}));
        CHECK(!opencl::found_healthy(stamps, {icds[0], {"/etc/b.icd", "libother.so"}}));
    }
    SUBCASE("a new version of a library") {
        folder.write("libb.so", "new code, other size");
        CHECK(!opencl::found_healthy(stamps, icds));
    }
    SUBCASE("a library that has gone") {
        std::filesystem::remove(folder / "liba.so");
        CHECK(!opencl::found_healthy(stamps, icds));
    }
    SUBCASE("a damaged memory") {
        for (const auto& item : std::filesystem::directory_iterator(stamps))
            folder.write(std::filesystem::path("stamps") / item.path().filename(), "shoal drivers 1\n\t\n\xff");
        CHECK(!opencl::found_healthy(stamps, icds));
    }
}
