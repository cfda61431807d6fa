# A model beside which no data set lies was not tested: both tools must say so. And where nothing ran, nothing passed.
#   cmake -DCONFORMANCE=FILE -DMODELS=FILE -DMODEL=FILE -DFOLDER=DIR -P without_data_sets.cmake

file(REMOVE_RECURSE ${FOLDER})
file(MAKE_DIRECTORY ${FOLDER}/alone)
configure_file(${MODEL} ${FOLDER}/alone/model.onnx COPYONLY)
file(WRITE ${FOLDER}/tests.tsv "path\tfamily\ttier\nalone\tsome\t1\n")

function(expect wanted)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE result OUTPUT_VARIABLE output ERROR_VARIABLE output)
  if(NOT result EQUAL wanted)
    message(FATAL_ERROR "${ARGN}: exit ${result}, want ${wanted}\n${output}")
  endif()
endfunction()

expect(1 ${CONFORMANCE} --data ${FOLDER})
expect(77 ${CONFORMANCE} --data ${FOLDER} --match none)
expect(1 ${MODELS} --data ${FOLDER})
expect(77 ${MODELS} --data ${FOLDER} --match none)
