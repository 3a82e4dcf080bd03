import bpy

relief = bpy.context.scene.relief
relief.strength_medium = 1.2
relief.strength_sharp = 1.3
relief.smoothing = 0.6
relief.edge_threshold = 0.2
relief.flatten_ground = 0.8
