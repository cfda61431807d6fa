# shoal_embed_kernels(TARGET): compiles the text of every kernels/*.cl beside the caller's CMakeLists.txt into TARGET,
# where opencl/kernel_table.hpp finds it by name. Adding a kernel file is enough; no list is kept by hand.
function(shoal_embed_kernels target)
  file(GLOB kernels CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/kernels/*.cl)
  set(output ${PROJECT_BINARY_DIR}/generated/opencl/kernel_texts.cpp)
  set(script ${PROJECT_SOURCE_DIR}/cmake/EmbedKernels.cmake)
  add_custom_command(OUTPUT ${output}
    COMMAND ${CMAKE_COMMAND} -DOUTPUT=${output} "-DKERNELS=${kernels}" -P ${script}
    DEPENDS ${kernels} ${script} COMMENT "Embedding OpenCL kernels" VERBATIM)
  target_sources(${target} PRIVATE ${output})
endfunction()
