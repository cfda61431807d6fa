# shoal_generate_families(NAME...): writes generated/importer/lower/families.hpp, which declares the operator families
# of these files and lists them all.
function(shoal_generate_families)
  set(declarations "")
  set(pointers "")
  foreach(name IN LISTS ARGN)
    string(APPEND declarations "extern const Family ${name};\n")
    string(APPEND pointers "    &families::${name},\n")
  endforeach()
  configure_file(${PROJECT_SOURCE_DIR}/lib/importer/lower/families.hpp.in
    ${PROJECT_BINARY_DIR}/generated/importer/lower/families.hpp @ONLY)
endfunction()
