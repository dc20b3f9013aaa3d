# Element-wise operations: loops for the compiler's vectoriser, once per instruction set. Without
# contraction every instruction set gives the same bits.
target_sources(wbs_kernels
  PRIVATE elementwise.cpp elementwise_loops.cpp elementwise_pool.cpp elementwise_generic.cpp
          elementwise_avx2.cpp elementwise_avx512.cpp
  PUBLIC FILE_SET HEADERS FILES elementwise.hpp elementwise_loops.hpp elementwise_rows.hpp)
set(rows -O3 -ffp-contract=off)
set_source_files_properties(elementwise_generic.cpp PROPERTIES COMPILE_OPTIONS "${rows}")
set_source_files_properties(elementwise_avx2.cpp PROPERTIES COMPILE_OPTIONS "${rows};-mavx2;-mfma")
set_source_files_properties(elementwise_avx512.cpp PROPERTIES
  COMPILE_OPTIONS "${rows};-mavx512f;-mavx512bw;-mavx512vl;-mavx512dq;-mprefer-vector-width=512")

wbs_test(elementwise_test SOURCES tests/elementwise_test.cpp LIBS wbs_kernels)
