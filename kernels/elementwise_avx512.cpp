#define WBS_ROWS kAvx512Rows
#define WBS_ADD add_avx512
#include "kernels/elementwise_rows.inl"
