import bpy

relief = bpy.context.scene.relief
relief.strength_medium = 1.2
relief.strength_sharp = 1.4
relief.smoothing = 0.2
relief.bevel = 0.05
