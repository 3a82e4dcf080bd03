import bpy

relief = bpy.context.scene.relief
relief.strength_soft = 1.3
relief.strength_medium = 1.2
relief.layering = 0.8
