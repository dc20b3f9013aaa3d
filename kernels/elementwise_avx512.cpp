#define WBS_ROWS kAvx512Rows
#define WBS_ADD kAvx512Add
#include "kernels/elementwise_rows.inl"
