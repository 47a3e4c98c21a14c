[
  (block)
  (keyframe_block_list)
] @body
